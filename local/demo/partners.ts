import type { ApiClient } from './api-client.ts';
import type { Behaviour, ReceivedRequest, UnansweredRequest } from './inbox.ts';
import { nameOfEvent } from './event-name.ts';
import type { Ledger } from './ledger.ts';
import type { DemoLine } from './line.ts';
import { createMessageReader, type MessageReader } from './message-reader.ts';
import { demoPartners, escapehub, marketplace, type DemoPartner } from './network.ts';
import { placeOf, readBody } from './reading.ts';
import { startReceiver } from './receiver.ts';

export interface Partners {
  /** Of all receivers: `http://127.0.0.1:PORT`. */
  origin: string;
  close(): Promise<void>;
}

export interface PartnersOptions {
  api: ApiClient;
  ledger: Ledger;
  print: (line: DemoLine) => void;
  /** Gets what went wrong, for people. */
  complain: (error: unknown) => void;
}

/** The receivers of the demo's partners. Each request makes a line. */
export async function startPartners(options: PartnersOptions): Promise<Partners> {
  const receiver = await startReceiver();
  const reader = createMessageReader(options.api, escapehub.clientId);
  for (const partner of demoPartners) {
    const { path, secret } = partner;
    const inbox = receiver.expect(path, { secret, behaviour: behaviourOf(partner), keep: false });
    inbox.onRequest((request) => {
      take(partner, request, { ...options, reader }).catch(options.complain);
    });
  }
  return { origin: receiver.origin, close: () => receiver.close() };
}

async function take(
  partner: DemoPartner,
  request: ReceivedRequest,
  { ledger, print, reader }: PartnersOptions & { reader: MessageReader },
): Promise<void> {
  const { id, signature } = request;
  const isMessage = partner === escapehub && signature === 'ok';
  const attempt = isMessage ? reader.noticesOf(id) : request.attempt;
  // It may have been faster than the answer to the request that caused it.
  if (!ledger.has(id)) await ledger.complete();
  for (const line of linesOf(partner, { ...request, attempt }, ledger)) print(line);
  if (!isMessage) return;
  const reading = await reader.notice(id);
  print({ kind: 'reading', at: new Date(), ...placeIn(request), ...reading });
}

/** What a partner should check: who is calling, and that the signature is good. */
const isGenuine = ({ auth }: DemoPartner, { signature, headers }: UnansweredRequest): boolean =>
  signature === 'ok' && headers['authorization'] === authorizationOf(auth);

function authorizationOf(auth: DemoPartner['auth']): string | undefined {
  switch (auth.type) {
    case 'none':
      return undefined;
    case 'bearer':
      return `Bearer ${auth.token}`;
    case 'basic':
      return `Basic ${Buffer.from(`${auth.username}:${auth.password}`).toString('base64')}`;
  }
}

/** Every ninth event of the marketplace fails at first, every fourth of these without an answer. */
function behaviourOf(partner: DemoPartner): Behaviour {
  let events = 0;
  return (request) => {
    if (!isGenuine(partner, request)) return { status: 401 };
    if (partner !== marketplace || request.attempt > 1) return { status: 204 };
    events += 1;
    if (events % 36 === 0) return 'hang';
    return { status: events % 9 === 0 ? 500 : 204 };
  };
}

const placeIn = ({ id }: ReceivedRequest) => placeOf(id) ?? { where: '?', locker: null };

function linesOf(partner: DemoPartner, request: ReceivedRequest, ledger: Ledger): DemoLine[] {
  const { id, arrivedAtMs, answer, signature, attempt, body } = request;
  const what = readBody(partner.contract, body);
  const happening = { at: new Date(arrivedAtMs), what, ...placeIn(request) };
  const delivery: DemoLine = {
    kind: 'delivery',
    ...happening,
    partnerId: partner.partnerId,
    contract: partner.contract,
    answer: typeof answer === 'string' ? answer : answer.status,
    signature,
    latencyMs: ledger.latencyMs(id, arrivedAtMs),
    attempt,
  };
  if (ledger.has(id)) return [delivery];
  // Nobody here caused it: the first to hear of it announces it.
  ledger.add(nameOfEvent(id), null);
  return [{ kind: 'event', ...happening, detail: causeOf(what) }, delivery];
}

/** What timers do, in the words of each contract. */
const byTimers = /expired|returning|activated|unknown/i;

const causeOf = (what: string): string =>
  byTimers.test(what) ? 'its time had come' : 'by someone else, or by an earlier run of this demo';
