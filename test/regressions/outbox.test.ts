import { describe, expect, it } from 'vitest';
import { synthesize } from '../lib/synthesized.ts';
import { statementsByFunction } from './statements.ts';

interface Statement {
  actions: string[];
  resources: string;
}

const functionsThat = (may: (statement: Statement) => boolean): string[] =>
  [...statementsByFunction()].flatMap(([id, statements]) => (statements.some(may) ? [id] : [])).sort();

/** Whatever the policy calls the action, and whichever of the three queues. */
const mayEnqueue = ({ actions, resources }: Statement): boolean =>
  actions.some((action) => /^(\*|sqs:(\*|Send.*))$/.test(action)) &&
  /"\*"|"(Slow|Ordered)?DeliveryQueue"/.test(resources);

/** A process that dies between a commit and a send would lose what it committed. */
describe('what is committed is sent by the stream, not by who committed it', () => {
  it('ingest may send to no delivery queue', () => {
    const sends = (statementsByFunction().get('IngestFunction') ?? []).filter(({ actions }) =>
      actions.some((action) => action.startsWith('sqs:')),
    );
    expect(sends.map(({ resources }) => resources)).toEqual([expect.stringContaining('IngestDlq')]);
  });

  it('who sends to a delivery queue has read what it sends from a stream, a queue or a table', () => {
    expect(functionsThat(mayEnqueue)).toEqual([
      'DeadLetterFunction',
      'DeliverFunction',
      'FanOutFunction',
      'TimersFunction',
    ]);
  });

  it('who commits for a tower or a caller may send to none; the stream does', () => {
    const commits = functionsThat(
      ({ actions, resources }) => actions.includes('dynamodb:PutItem') && resources.includes('EventsTable'),
    );
    expect(commits).toEqual(expect.arrayContaining(['ApiFunction', 'IngestFunction']));
    const sends = functionsThat(mayEnqueue);
    expect(sends).not.toContain('ApiFunction');
    expect(sends).not.toContain('IngestFunction');
    const stream = synthesize('prod').get('FanOutMapping').Properties;
    expect(stream).toMatchObject({
      EventSourceArn: { 'Fn::GetAtt': ['EventsTable', 'StreamArn'] },
      StartingPosition: 'TRIM_HORIZON',
    });
  });
});
