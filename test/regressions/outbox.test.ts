import { describe, expect, it } from 'vitest';
import { synthesize } from '../lib/synthesized.ts';
import { statementsByFunction } from './statements.ts';

/** A process that dies between a commit and a send would lose what it committed. */
describe('what is committed is sent by the stream, not by who committed it', () => {
  it('ingest may send to no delivery queue', () => {
    const sends = (statementsByFunction().get('IngestFunction') ?? []).filter(({ actions }) =>
      actions.some((action) => action.startsWith('sqs:')),
    );
    expect(sends.map(({ resources }) => resources)).toEqual([expect.stringContaining('IngestDlq')]);
  });

  it('every function that commits events has only the stream between them and the queue', () => {
    const commits = [...statementsByFunction()].filter(([, statements]) =>
      statements.some(
        ({ actions, resources }) => actions.includes('dynamodb:PutItem') && resources.includes('EventsTable'),
      ),
    );
    expect(commits.map(([id]) => id)).toContain('IngestFunction');
    const stream = synthesize('prod').get('FanOutMapping').Properties;
    expect(stream).toMatchObject({
      EventSourceArn: { 'Fn::GetAtt': ['EventsTable', 'StreamArn'] },
      StartingPosition: 'TRIM_HORIZON',
    });
  });
});
