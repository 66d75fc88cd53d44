import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Answer, UnansweredRequest } from '../../local/demo/inbox.ts';
import { makeCertificate } from '../../local/demo/certificates.ts';
import { startReceiver, type Receiver } from '../../local/demo/receiver.ts';
import type { Ledger } from './ledger.ts';
import { hostNameOf, secret, speaksTls, type HearingEndpoint, type Ports, type Transport } from './plan.ts';
import { nowMs } from './publisher.ts';
import type { LoadAnswer } from './protocol.ts';

/** The partners' side of the load: an inbox for each endpoint, entered into the ledger. */
export interface Receivers {
  readonly ports: Ports;
  /** PEM. Whoever signed the certificates of those that speak TLS. */
  readonly authority: string;
  readonly requestBytes: number;
  /** Made so far, and those with TLS among them. */
  connections(): Record<Transport, Receiver['connections']>;
  badSignatures(): number;
  /** Most arrivals at one endpoint within one second, by label. */
  peakPerSecond(): Record<string, number>;
  /** The same within ten seconds. */
  peakPerTenSeconds(): Record<string, number>;
  answer(label: string, answer: LoadAnswer): void;
}

export interface ReceiversOptions {
  readonly endpoints: readonly HearingEndpoint[];
  readonly ledger: Ledger;
  /** Called whenever a run is complete. */
  readonly onComplete: () => void;
}

export async function startReceivers({
  endpoints,
  ledger,
  onComplete,
}: ReceiversOptions): Promise<Receivers> {
  const authority = makeCertificate({ isCa: true });
  const certificate = makeCertificate({
    issuer: authority,
    names: endpoints.filter(speaksTls).map(hostNameOf),
  });
  const receivers = {
    shared: await startReceiver(),
    plain: await startReceiver(),
    tls: await startReceiver({ certificate }),
    closing: await startReceiver({ certificate, keepsConnections: false }),
  };
  const answers = new Map<string, LoadAnswer>();
  const [ofSecond, ofTenSeconds] = [new Peaks(1), new Peaks(10)];
  let requestBytes = 0;
  const inboxes = endpoints.map(({ endpointId, label, delayMs, transport }) => {
    const usual: LoadAnswer = { kind: 'accept', delayMs };
    const inbox = receivers[transport].expect(`/${endpointId}`, {
      secret,
      keep: false,
      behaviour: (request) => decide(answers.get(label) ?? usual, request),
    });
    inbox.onRequest((request) => {
      for (const peaks of [ofSecond, ofTenSeconds]) peaks.count(endpointId, label, request.arrivedAtMs);
      requestBytes += sizeOf(request);
      const { answer } = request;
      const complete = ledger.receive({
        endpointId,
        id: request.id,
        atMs: request.arrivedAtMs,
        answeredAtMs: nowMs(),
        accepted: typeof answer === 'object' && answer.status < 300,
        digest: createHash('sha1').update(request.body).digest('base64'),
        sequence: numberIn(request, 'towercast-sequence'),
        previousSequence: numberIn(request, 'towercast-previous-sequence'),
      });
      if (complete) onComplete();
    });
    return inbox;
  });
  const forEachTransport = <T>(of: (receiver: Receiver) => T): Record<Transport, T> => ({
    shared: of(receivers.shared),
    plain: of(receivers.plain),
    tls: of(receivers.tls),
    closing: of(receivers.closing),
  });
  return {
    ports: forEachTransport(({ port }) => port),
    authority: authority.cert,
    connections: () => forEachTransport(({ connections }) => ({ ...connections })),
    get requestBytes() {
      return requestBytes;
    },
    badSignatures: () => inboxes.reduce((sum, { badSignatures }) => sum + badSignatures, 0),
    peakPerSecond: () => ofSecond.byLabel(),
    peakPerTenSeconds: () => ofTenSeconds.byLabel(),
    answer: (label, answer) => {
      answers.set(label, answer);
    },
  };
}

/** Which events fail depends on their ids alone, so that two endpoints fail the same ones. */
function decide(answer: LoadAnswer, { id, attempt }: UnansweredRequest): Answer | Promise<Answer> {
  switch (answer.kind) {
    case 'accept':
      // Waited for here, so that the ledger knows when the answer leaves.
      return answer.delayMs === 0 ? { status: 204 } : sleep(answer.delayMs, { status: 204 });
    case 'refuse':
      return { status: answer.status };
    case 'flaky': {
      const number = createHash('sha1').update(id).digest().readUInt16BE();
      return { status: number % answer.every === 0 && attempt <= answer.times ? 500 : 204 };
    }
  }
}

function numberIn({ headers }: UnansweredRequest, name: string): number | null {
  const value = headers[name];
  return value === undefined ? null : Number(value);
}

/** `POST /path HTTP/1.1`, then `name: value` lines. */
const sizeOf = ({ method, url, headers, body }: UnansweredRequest): number =>
  method.length +
  url.length +
  ' HTTP/1.1 \r\n\r\n'.length +
  Object.entries(headers).reduce(
    (sum, [name, value]) => sum + name.length + value.length + ': \r\n'.length,
    0,
  ) +
  body.length;

/** Arrivals by endpoint and span of so many seconds, one span after the other. */
class Peaks {
  readonly #spanMs: number;
  readonly #now = new Map<string, { span: number; count: number }>();
  readonly #peaks = new Map<string, number>();

  constructor(seconds: number) {
    this.#spanMs = seconds * 1_000;
  }

  count(endpointId: string, label: string, atMs: number): void {
    const span = Math.floor(atMs / this.#spanMs);
    const now = this.#now.get(endpointId);
    const count = now?.span === span ? now.count + 1 : 1;
    this.#now.set(endpointId, { span, count });
    this.#peaks.set(label, Math.max(this.#peaks.get(label) ?? 0, count));
  }

  byLabel(): Record<string, number> {
    return Object.fromEntries(this.#peaks);
  }
}
