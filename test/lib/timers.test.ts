import { describe, expect, it } from 'vitest';
import { synthesize } from './synthesized.ts';

const stack = synthesize('dev');
const arnOf = (logicalId: string) => ({ 'Fn::GetAtt': [logicalId, 'Arn'] });

describe('timers', () => {
  it('run every minute', () => {
    expect(stack.get('TimersSchedule').Properties).toMatchObject({
      ScheduleExpression: 'rate(1 minute)',
      State: 'ENABLED',
      Targets: [{ Arn: arnOf('TimersFunction') }],
    });
  });

  it('are invoked by their schedule only, in this account', () => {
    const permissions = stack
      .ofType('AWS::Lambda::Permission')
      .map(([, permission]) => permission.Properties)
      .filter(
        (permission) =>
          JSON.stringify(permission['FunctionName']) === JSON.stringify(arnOf('TimersFunction')),
      );
    expect(permissions).toEqual([
      {
        Action: 'lambda:InvokeFunction',
        FunctionName: arnOf('TimersFunction'),
        Principal: 'events.amazonaws.com',
        SourceArn: arnOf('TimersSchedule'),
        SourceAccount: { Ref: 'AWS::AccountId' },
      },
    ]);
  });

  it('a failed run is not repeated, since the next one comes anyway', () => {
    expect(stack.get('TimersRetries').Properties).toMatchObject({ MaximumRetryAttempts: 0 });
  });
});
