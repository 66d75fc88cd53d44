import { describe, expect, it } from 'vitest';
import { parseOptions } from '../../local/options.ts';
import { StartError } from '../../local/start-error.ts';
import { containing } from './matching.ts';

describe('the command line', () => {
  it('has defaults for everything', () => {
    expect(parseOptions([], {})).toEqual({
      demo: true,
      json: false,
      fresh: false,
      dataDir: '.towercast',
      mqttPort: 1883,
      httpPort: 7883,
      networkFile: undefined,
      stageConfig: undefined,
      assembly: undefined,
      dynamodbEndpoint: undefined,
      sqsEndpoint: undefined,
    });
  });

  it('takes each option, and engines from the environment', () => {
    const options = parseOptions(
      [
        '--no-demo',
        '--json',
        '--fresh',
        '--data',
        'd',
        '--mqtt-port',
        '0',
        '--http-port',
        '99',
        '--network',
        'package.json',
      ],
      { DYNAMODB_ENDPOINT: 'http://127.0.0.1:8000/', SQS_ENDPOINT: '' },
    );
    expect(options).toMatchObject({
      demo: false,
      json: true,
      fresh: true,
      dataDir: 'd',
      mqttPort: 0,
      httpPort: 99,
      networkFile: 'package.json',
      dynamodbEndpoint: 'http://127.0.0.1:8000',
      sqsEndpoint: undefined,
    });
  });

  it('takes the stage config as JSON or as a file', () => {
    expect(parseOptions(['--stage-config', '{"dueShards":1}'], {})).toMatchObject({
      stageConfig: '{"dueShards":1}',
    });
    expect(parseOptions(['--stage-config', 'package.json'], {})).toMatchObject({
      stageConfig: containing('"name": "towercast"'),
    });
  });

  it.each([
    [['--port', '1']],
    [['demo']],
    [['--json=yes']],
    [['--mqtt-port']],
    [['--mqtt-port', 'abc']],
    [['--mqtt-port', '65536']],
    [['--http-port', '-1']],
    [['--network', '/nowhere/network.json']],
    [['--assembly', '/nowhere']],
  ])('refuses %j in one line that names the option', (args) => {
    const message = messageOf(() => parseOptions(args, {}));
    expect(message).not.toContain('\n');
    expect(message).toContain(args[0]?.split('=')[0]);
  });

  it('refuses an engine that is no URL, by the name of the variable', () => {
    expect(messageOf(() => parseOptions([], { SQS_ENDPOINT: 'localhost:9324' }))).toContain('SQS_ENDPOINT');
  });
});

function messageOf(parse: () => unknown): string {
  try {
    parse();
  } catch (error) {
    if (error instanceof StartError) return error.message;
    throw error;
  }
  throw new Error('it was accepted');
}
