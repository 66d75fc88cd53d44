import { describe, expect, it } from 'vitest';
import { loadStageConfig, StageConfigError } from '../../lib/config.ts';

const mistakesOf = (stage: unknown, overrides: unknown): string[] => {
  try {
    loadStageConfig(stage, overrides);
  } catch (error) {
    if (error instanceof StageConfigError) return error.message.split('\n');
    throw error;
  }
  return [];
};

describe('stage config', () => {
  it.each(['local', 'dev', 'prod'])('the defaults of %s hold no mistake', (stage) => {
    expect(loadStageConfig(stage)).toMatchObject({ stage });
  });

  it.each(['dev', 'prod'])('message pointers of %s repeat for 24 hours in increasing intervals', (stage) => {
    const schedule = loadStageConfig(stage).delivery.pointerScheduleSeconds;
    expect(schedule.reduce((sum, step) => sum + step, 0)).toBe(24 * 3_600);
    // The last step is no interval but the time left to read. Each varies by 20 % at most.
    const intervals = schedule.slice(1, -1);
    for (const [index, step] of intervals.slice(1).entries())
      expect(step * 0.8).toBeGreaterThanOrEqual((intervals[index] ?? 0) * 1.2);
  });

  it('is dev when nobody chose a stage', () => {
    expect(loadStageConfig(undefined, undefined).stage).toBe('dev');
  });

  it('only prod retains data, and only local may send plain http', () => {
    const stages = ['local', 'dev', 'prod'].map((stage) => loadStageConfig(stage));
    expect(stages.map((config) => config.retainData)).toEqual([false, false, true]);
    expect(stages.map((config) => config.allowLoopbackHttp)).toEqual([true, false, false]);
  });

  it('an override replaces what it names and leaves the rest', () => {
    const config = loadStageConfig(
      'dev',
      '{"delivery":{"scheduleSeconds":[0,1],"batchSize":1},"graceHours":0.5}',
    );
    const base = loadStageConfig('dev');
    expect(config).toEqual({
      ...base,
      graceHours: 0.5,
      delivery: { ...base.delivery, scheduleSeconds: [0, 1], batchSize: 1 },
    });
  });

  it('takes the object that cdk.json gives as well as text', () => {
    expect(loadStageConfig('dev', { dueShards: 3 })).toEqual(loadStageConfig('dev', '{"dueShards":3}'));
  });

  it('loading one stage leaves the defaults of the others alone', () => {
    const before = structuredClone(loadStageConfig('prod'));
    loadStageConfig('dev', { delivery: { scheduleSeconds: [1] }, ingest: { memoryMb: 128 } });
    expect(loadStageConfig('prod')).toEqual(before);
  });

  it('names every mistake, one a line', () => {
    const mistakes = mistakesOf('dev', {
      graceHours: -1,
      delivery: { attemptTimeoutMs: 'soon' },
      extra: true,
    });
    expect(mistakes).toEqual([
      expect.stringMatching(/^config\.graceHours: /),
      expect.stringMatching(/^config\.delivery\.attemptTimeoutMs: /),
      expect.stringMatching(/^config: .*"extra"/),
    ]);
  });

  it.each([
    ['an unknown stage', 'production', {}, /^stage: must be one of local, dev, prod, got "production"$/],
    ['text that is no JSON', 'dev', '{', /^config: /],
    ['JSON that is no object', 'dev', '[1]', /^config: must be a JSON object$/],
    ['an unknown key', 'dev', { deliverySeconds: 1 }, /^config: .*"deliverySeconds"/],
    ['an unknown key within a part', 'dev', { ingest: { retries: 1 } }, /^config\.ingest: .*"retries"/],
    ['a stage within the config', 'dev', { stage: 'prod' }, /^config\.stage: is chosen with -c stage=/],
    ['no port for partners', 'prod', { delivery: { allowedPorts: [] } }, /^config\.delivery\.allowedPorts: /],
    [
      'a port beyond',
      'prod',
      { delivery: { allowedPorts: [65_536] } },
      /^config\.delivery\.allowedPorts\.0: /,
    ],
    ['plain http on dev', 'dev', { allowLoopbackHttp: true }, /^config\.allowLoopbackHttp: .*only "local"/],
    ['plain http on prod', 'prod', { allowLoopbackHttp: true }, /^config\.allowLoopbackHttp: .*only "local"/],
    ['an unknown time zone', 'dev', { operatorTimeZone: 'Mars' }, /^config\.operatorTimeZone: .*IANA/],
    [
      'a log retention that CloudWatch has not',
      'dev',
      { logRetentionDays: 2 },
      /^config\.logRetentionDays: /,
    ],
    ['an alarm topic that is none', 'dev', { alarmTopicArn: 'ops' }, /^config\.alarmTopicArn: .*SNS/],
    [
      'an attempt that outlives its function',
      'dev',
      { delivery: { attemptTimeoutMs: 30_000 } },
      /^config\.delivery\.attemptTimeoutMs: .*timeoutSeconds \(30 s\)/,
    ],
    [
      'few receives before the DLQ',
      'dev',
      { delivery: { maxReceiveCount: 4 } },
      /^config\.delivery\.maxReceiveCount: /,
    ],
    [
      'an empty schedule',
      'dev',
      { delivery: { scheduleSeconds: [] } },
      /^config\.delivery\.scheduleSeconds: /,
    ],
    [
      'a schedule longer than deliveries are kept',
      'dev',
      // 2.6 days, and up to a fifth more.
      { retentionDays: 3, delivery: { scheduleSeconds: [0, 225_000] } },
      /^config\.delivery\.scheduleSeconds: .*retentionDays \(3\)/,
    ],
    [
      'an API that ends before a pull has waited',
      'dev',
      { api: { timeoutSeconds: 24 } },
      /^config\.api\.timeoutSeconds: .*at least 25/,
    ],
    [
      'redrives faster than they may be',
      'dev',
      { redrive: { perSecond: 101 } },
      /^config\.redrive\.perSecond: .*maxPerSecond/,
    ],
    ['timers that overlap', 'dev', { timers: { timeoutSeconds: 60 } }, /^config\.timers\.timeoutSeconds: /],
    [
      'a lease that is over before a run and an attempt are',
      'dev',
      { timers: { leaseSeconds: 75 } },
      /^config\.timers\.leaseSeconds: .*more than 75/,
    ],
    [
      'a breaker whose longest pause is shorter than its first',
      'dev',
      { delivery: { breaker: { maxOpenSeconds: 29 } } },
      /^config\.delivery\.breaker\.maxOpenSeconds: /,
    ],
  ])('refuses %s with one clear line', (_, stage, overrides, message) => {
    expect(mistakesOf(stage, overrides)).toEqual([expect.stringMatching(message)]);
  });
});
