import { Webhook } from 'standardwebhooks';
import { Waiting } from './waiting.ts';

/** What a receiver does with a request: answers, never answers (`hang`), or drops the connection (`reset`). */
export type Answer =
  { status: number; headers?: Record<string, string>; body?: string; delayMs?: number } | 'hang' | 'reset';

/** The same answer always; one after the other, the last one repeating; or whatever a function says. */
export type Behaviour =
  Answer | readonly Answer[] | ((request: UnansweredRequest) => Answer | Promise<Answer>);

export interface InboxOptions {
  /** `whsec_…`: every signature is verified with it. Without one, none is looked at. */
  secret?: string;
  /** Default: 204. */
  behaviour?: Behaviour;
  /** False keeps only what is needed to count attempts: for a receiver that runs for days. Default true. */
  keep?: boolean;
}

export interface RawRequest {
  method: string;
  /** Path and query, as requested. */
  url: string;
  /** By lower-case name. */
  headers: Readonly<Record<string, string>>;
  /** The exact bytes. */
  body: Buffer;
}

export interface UnansweredRequest extends RawRequest {
  /** 1 for the first at this path. */
  number: number;
  /** `webhook-id`; empty if there is none. */
  id: string;
  /** 1 when this id comes for the first time: every retry or repeat adds one. */
  attempt: number;
  /** Epoch milliseconds with a fraction, once the body was whole. */
  arrivedAtMs: number;
  signature: 'ok' | 'bad' | 'unchecked';
}

export interface ReceivedRequest extends UnansweredRequest {
  answer: Answer;
}

export const redirectTo = (location: string, status = 302): Answer => ({ status, headers: { location } });

/** What arrived at one path. */
export class Inbox {
  readonly path: string;
  readonly requests: ReceivedRequest[] = [];
  /** Ids that came with a good signature (or unchecked) and were answered with a 2xx. */
  readonly accepted = new Set<string>();
  badSignatures = 0;
  behaviour: Behaviour;
  readonly #webhook: Webhook | null;
  readonly #attempts = new Map<string, number>();
  readonly #waiting = new Waiting();
  readonly #listeners: ((request: ReceivedRequest) => void)[] = [];
  readonly #keep: boolean;
  #count = 0;

  constructor(path: string, { secret, behaviour = { status: 204 }, keep = true }: InboxOptions) {
    this.path = path;
    this.#keep = keep;
    this.behaviour = behaviour;
    this.#webhook = secret === undefined ? null : new Webhook(secret);
  }

  /** How many different ids came. */
  get distinct(): number {
    return this.#attempts.size;
  }

  /** How often an id came. */
  attemptsOf(id: string): number {
    return this.#attempts.get(id) ?? 0;
  }

  onRequest(listener: (request: ReceivedRequest) => void): void {
    this.#listeners.push(listener);
  }

  /** Records a request and decides its answer. */
  async receive(raw: RawRequest): Promise<ReceivedRequest> {
    const arrivedAtMs = performance.timeOrigin + performance.now();
    const id = raw.headers['webhook-id'] ?? '';
    const attempt = this.attemptsOf(id) + 1;
    this.#attempts.set(id, attempt);
    this.#count += 1;
    const signature = this.#verify(raw);
    if (signature === 'bad') this.badSignatures += 1;
    const unanswered = { ...raw, number: this.#count, id, attempt, arrivedAtMs, signature };
    const received: ReceivedRequest = { ...unanswered, answer: await this.#decide(unanswered) };
    this.#file(received);
    for (const listener of this.#listeners) listener(received);
    this.#waiting.look();
    return received;
  }

  /** Resolves with the first request, past or to come, that matches. Rejects after `timeoutMs`. */
  waitFor(matches: (request: ReceivedRequest) => boolean, timeoutMs = 20_000): Promise<ReceivedRequest> {
    let looked = 0;
    const find = () => {
      const found = this.requests.slice(looked).find(matches);
      looked = this.requests.length;
      return found;
    };
    return this.#waiting.until(find, timeoutMs, () => `a matching request; ${this.#summary()}`);
  }

  /** Resolves when this many requests came, repeats included. */
  async waitForRequests(count: number, timeoutMs = 20_000): Promise<readonly ReceivedRequest[]> {
    const enough = () => (this.requests.length >= count ? true : undefined);
    await this.#waiting.until(enough, timeoutMs, () => `${count} requests; ${this.#summary()}`);
    return this.requests;
  }

  /** Resolves when this many different ids were accepted. */
  async waitForAccepted(count: number, timeoutMs = 20_000): Promise<void> {
    const enough = () => (this.accepted.size >= count ? true : undefined);
    await this.#waiting.until(enough, timeoutMs, () => `${count} accepted ids; ${this.#summary()}`);
  }

  #file(received: ReceivedRequest): void {
    const isAccepted = received.signature !== 'bad' && isSuccess(received.answer);
    if (this.#keep) {
      this.requests.push(received);
      if (isAccepted) this.accepted.add(received.id);
    } else if (isAccepted) this.#attempts.delete(received.id);
  }

  #summary(): string {
    return `${this.path} had ${this.requests.length} requests, ${this.distinct} ids, ${this.accepted.size} accepted`;
  }

  #verify({ body, headers }: RawRequest): UnansweredRequest['signature'] {
    if (this.#webhook === null) return 'unchecked';
    try {
      this.#webhook.verify(body, headers, { jsonParse: false });
      return 'ok';
    } catch {
      return 'bad';
    }
  }

  async #decide(request: UnansweredRequest): Promise<Answer> {
    const { behaviour } = this;
    if (typeof behaviour === 'function') return behaviour(request);
    if (!isSequence(behaviour)) return behaviour;
    return behaviour[Math.min(request.number, behaviour.length) - 1] ?? { status: 204 };
  }
}

const isSequence = (behaviour: Answer | readonly Answer[]): behaviour is readonly Answer[] =>
  Array.isArray(behaviour);

const isSuccess = (answer: Answer): boolean =>
  typeof answer === 'object' && answer.status >= 200 && answer.status <= 299;
