import type { FunctionStats } from '../../local/stack.ts';

/** What carries an event; timers and the API do the same whether events come or not. */
export const carriers = ['IngestFunction', 'FanOutFunction', 'DeliverFunction'];

export type Stats = Readonly<Record<string, FunctionStats>>;

/** What one function did between two looks at its stats. */
export interface FunctionFigures {
  invocations: number;
  errors: number;
  cpuMs: number;
  billedMs: number;
  memoryMb: number;
  logLines: number;
  logBytes: number;
  /** By service and operation. */
  requests: Record<string, number>;
}

export const sum = (values: Iterable<number>): number =>
  [...values].reduce((total, value) => total + value, 0);

/** @param service such as `SQS.`; empty: all */
export const requestsTo = (service: string, figures: readonly FunctionFigures[]): number =>
  sum(
    figures.flatMap(({ requests }) =>
      Object.entries(requests).map(([operation, count]) => (operation.startsWith(service) ? count : 0)),
    ),
  );

/** By logical id of the function. */
export function figuresBetween(before: Stats, after: Stats): Record<string, FunctionFigures> {
  return Object.fromEntries(
    Object.entries(after).map(([logicalId, now]) => {
      const then = before[logicalId];
      const requests = Object.entries(now.requests)
        .map(([operation, count]): [string, number] => [operation, count - (then?.requests[operation] ?? 0)])
        .filter(([, count]) => count > 0);
      const figures: FunctionFigures = {
        invocations: now.invocations - (then?.invocations ?? 0),
        errors: now.errors - (then?.errors ?? 0),
        cpuMs: now.cpuMs - (then?.cpuMs ?? 0),
        billedMs: now.billedMs - (then?.billedMs ?? 0),
        memoryMb: now.memoryMb,
        logLines: now.logLines - (then?.logLines ?? 0),
        logBytes: now.logBytes - (then?.logBytes ?? 0),
        requests: Object.fromEntries(requests),
      };
      return [logicalId, figures];
    }),
  );
}

/** CPU of all functions. Milliseconds. */
export const totalCpuMs = (figures: Record<string, FunctionFigures>): number =>
  sum(Object.values(figures).map(({ cpuMs }) => cpuMs));

/** CPU milliseconds per event by function, those that did nothing left out; `together` is their sum. */
export function cpuPerEvent(
  figures: Record<string, FunctionFigures>,
  events: number,
): Record<string, number> {
  const used = Object.entries(figures).filter(([, { cpuMs }]) => cpuMs > 0);
  return {
    ...Object.fromEntries(used.map(([logicalId, { cpuMs }]) => [logicalId, cpuMs / events])),
    together: totalCpuMs(figures) / events,
  };
}
