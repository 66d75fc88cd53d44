import type { SQSRecord } from 'aws-lambda';
import type { DeliverHandlerDeps } from '../../../functions/deliver/create-handler.ts';
import type { Receipt } from '../../../functions/deliver/delivery.ts';
import { openGate } from '../../../functions/deliver/gate.ts';
import type { PostRequest, PostResult } from '../../../functions/deliver/http-client.ts';
import type { EndpointRef } from '../../../functions/shared/endpoint-directory.ts';
import type { OutgoingTask } from '../../../functions/shared/queue.ts';
import type { DeliveryRecord } from '../../../schemas/delivery.ts';
import type { DomainEvent } from '../../../schemas/event.ts';
import type { Endpoint } from '../../../schemas/endpoint.ts';
import { makeObserver } from '../../helpers/batches.ts';
import { makeEndpoint } from '../../helpers/deliveries.ts';
import { makeLanes, makeLaneStore } from '../../helpers/lanes.ts';

export const signingSecret = `whsec_${Buffer.alloc(32, 'planted').toString('base64')}`;
export const bearerToken = 'planted-token';
export const nowMs = Date.parse('2026-03-20T09:15:02.250Z');

const measured = {
  durationMs: 12.34,
  peerAddress: '203.0.113.7',
  connection: { port: 443, reused: false, tls: { protocol: 'TLSv1.3', certificateSha256: 'ef' } },
  times: { dns: 1, connect: 3, tls: 7, firstByte: 12 },
};

export const responds = (status: number, body = '', retryAfter: string | null = null): PostResult => ({
  kind: 'response',
  status,
  retryAfter,
  responseBody: Buffer.from(body),
  responseTruncated: false,
  ...measured,
});

export const timesOut = (): PostResult => ({
  kind: 'error',
  reason: 'timeout',
  status: null,
  retryAfter: null,
  responseBody: new Uint8Array(),
  responseTruncated: false,
  ...measured,
});

/** A task that SQS has given so many times, from the queue of the live. */
export const received = (count: number): Receipt => ({ channel: 'live', count });

export interface WorldOptions {
  endpoints?: Endpoint[];
  records?: DeliveryRecord[];
  /** What the partner answers; 200 unless told otherwise. */
  answer?: (request: PostRequest) => PostResult | Promise<PostResult>;
}

/** What `deliver` needs, in memory. The fake store keeps the promises of DeliveryStore's docstrings. */
export function makeWorld({ endpoints = [makeEndpoint()], records = [], answer }: WorldOptions = {}) {
  const state = {
    endpoints: new Map(endpoints.map((endpoint) => [endpoint.endpointId, endpoint])),
    records: new Map(records.map((record) => [record.id, record])),
    /** The events table, for what waits in a lane. */
    events: new Map<string, DomainEvent>(),
    /** When messages were marked as read, by their ids. */
    read: new Map<string, string>(),
    posts: [] as PostRequest[],
    sent: [] as OutgoingTask[],
    /** Messages that went to the DLQ of the queue that keeps order. */
    handedOver: [] as SQSRecord[],
    /** Events that were written with a record. */
    notices: [] as DomainEvent[],
    /** What messages told of endpoints. */
    told: [] as unknown[],
    /** What happened, in order. */
    journal: [] as string[],
  };
  const observer = makeObserver();
  const lanes = makeLanes();
  let taskNumber = 0;
  const find = (ref: EndpointRef) => {
    const endpoint = state.endpoints.get(ref.endpointId);
    return endpoint?.partnerId === ref.partnerId ? endpoint : null;
  };
  const deps: DeliverHandlerDeps = {
    endpoints: {
      get: async (ref) => find(ref),
      learn: (told) => {
        if (told !== undefined) state.told.push(told);
      },
      async disable(endpoint, reason) {
        state.journal.push('disable');
        state.endpoints.set(endpoint.endpointId, { ...endpoint, status: 'disabled', disabledReason: reason });
        return 'disabled';
      },
    },
    secrets: {
      open: async () => ({
        signingKeys: [{ key: signingSecret, notAfter: null }],
        auth: { type: 'bearer', token: bearerToken },
      }),
    },
    store: {
      get: async (ref) =>
        [...state.records.values()].find(
          (record) => record.endpointId === ref.endpointId && record.event.id === ref.event.id,
        ) ?? null,
      async put(record) {
        state.journal.push('put');
        state.records.set(record.id, record);
      },
      async advance(record, attemptsBelow, notice = null) {
        const current = state.records.get(record.id);
        if (
          current !== undefined &&
          ((current.status === 'delivered' && record.replay === null) ||
            current.attempts.length >= attemptsBelow)
        )
          return { kind: 'behind', current };
        state.journal.push('advance');
        if (notice !== null) state.notices.push(notice);
        state.records.set(record.id, record);
        return { kind: 'written' };
      },
    },
    tasks: {
      async send(tasks) {
        state.journal.push('send');
        state.sent.push(...tasks);
      },
    },
    http: {
      async post(request) {
        state.journal.push('post');
        state.posts.push(request);
        return answer === undefined ? responds(200) : answer(request);
      },
    },
    config: {
      scheduleSeconds: [0, 5, 1_800],
      pointerScheduleSeconds: [0, 60, 120, 240],
      operatorTimeZone: 'UTC',
    },
    gate: openGate,
    channelOf: () => 'live',
    operatorPartnerId: 'operator',
    messages: { readAt: async (eventId) => state.read.get(eventId) ?? null },
    lanes: makeLaneStore(lanes, state),
    events: { get: async (eventId) => state.events.get(eventId) ?? null },
    maxReceiveCount: 5,
    handOver: async (record) => {
      state.handedOver.push(record);
    },
    attemptTimeoutMs: 15_000,
    maxDelaySeconds: 900,
    retentionDays: 90,
    logger: observer.logger,
    metrics: observer.recorder,
    now: () => nowMs,
    random: () => 0.5,
    newTaskId: () => `next-${(taskNumber += 1)}`,
  };
  return { ...state, lanes, deps, observer };
}
