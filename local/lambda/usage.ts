import { subscribe } from 'node:diagnostics_channel';
import type { ClientRequest } from 'node:http';
import type { Usage } from './protocol.ts';

/** Whoever imports the module gets all of undici with it: a fifth of what a process takes to start. */
const http = process.getBuiltinModule('node:http');

/** Names of `x-amz-target` prefixes, as people know the services. */
const services: Readonly<Record<string, string>> = {
  DynamoDB_20120810: 'DynamoDB',
  AmazonSQS: 'SQS',
  TrentService: 'KMS',
};

/** Counts what this process does from now on; `since()` returns it and starts again. */
export function measureUsage(iotDataEndpoint: string | undefined): { since: () => Usage } {
  const iotDataHost = iotDataEndpoint === undefined ? undefined : new URL(iotDataEndpoint).host;
  let cpu = process.cpuUsage();
  let startedAt = performance.now();
  let requests: Record<string, number> = {};
  let httpRequests = 0;
  subscribe('http.client.request.start', (message) => {
    const request =
      typeof message === 'object' && message !== null && 'request' in message ? message.request : null;
    if (!(request instanceof http.ClientRequest)) return;
    const operation = operationOf(request, iotDataHost);
    if (operation === undefined) httpRequests++;
    else requests[operation] = (requests[operation] ?? 0) + 1;
  });
  return {
    since: () => {
      const { user, system } = process.cpuUsage(cpu);
      const durationMs = performance.now() - startedAt;
      const usage = { cpuMicros: user + system, durationMs, requests, httpRequests };
      cpu = process.cpuUsage();
      startedAt = performance.now();
      requests = {};
      httpRequests = 0;
      return usage;
    },
  };
}

function operationOf(request: ClientRequest, iotDataHost: string | undefined): string | undefined {
  const target = request.getHeader('x-amz-target');
  if (typeof target === 'string') {
    const [service = '', operation = ''] = target.split('.');
    return `${services[service] ?? service}.${operation}`;
  }
  return request.getHeader('host') === iotDataHost && request.path.startsWith('/topics/')
    ? 'IoT.Publish'
    : undefined;
}
