import { fork, type ChildProcess } from 'node:child_process';
import path from 'node:path';
import { LoadReportSchema, type LoadCommand, type LoadReport, type RunResult } from './load-protocol.ts';

/** The load generator, seen from the benchmark. */
export interface LoadProcess {
  readonly pid: number;
  /** Where its receivers listen. */
  readonly urls: readonly string[];
  connect(mqtt: string, events: number, towers: number): Promise<void>;
  run(events: number, perSecond: number | null): Promise<RunResult>;
  stop(): void;
}

export async function startLoad(): Promise<LoadProcess> {
  const child = fork(path.join(import.meta.dirname, 'load.ts'), {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const listening = await reportOf(child, 'listening');
  return {
    pid: child.pid ?? 0,
    urls: listening.urls,
    async connect(mqtt, events, towers) {
      tell(child, { type: 'connect', mqtt, events, towers });
      await reportOf(child, 'connected');
    },
    async run(events, perSecond) {
      tell(child, { type: 'run', events, perSecond });
      return (await reportOf(child, 'result')).result;
    },
    stop: () => child.disconnect(),
  };
}

function tell(child: ChildProcess, command: LoadCommand): void {
  child.send(command);
}

type ReportOf<T extends LoadReport['type']> = Extract<LoadReport, { type: T }>;

const isOf = <T extends LoadReport['type']>(report: LoadReport, type: T): report is ReportOf<T> =>
  report.type === type;

function reportOf<T extends LoadReport['type']>(child: ChildProcess, type: T): Promise<ReportOf<T>> {
  return new Promise((resolve, reject) => {
    const died = (code: number | null) => reject(new Error(`The load generator ended with status ${code}`));
    child.once('exit', died);
    child.once('message', (message) => {
      child.off('exit', died);
      const report = LoadReportSchema.parse(message);
      if (isOf(report, type)) resolve(report);
      else reject(new Error(`The load generator said ${report.type}, not ${type}`));
    });
  });
}
