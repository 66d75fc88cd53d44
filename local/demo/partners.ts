import type { Behaviour, ReceivedRequest, UnansweredRequest } from './inbox.ts';
import type { Ledger } from './ledger.ts';
import type { DemoLine } from './line.ts';
import { demoPartners, marketplace, type DemoPartner } from './network.ts';
import { placeOf, readBody } from './reading.ts';
import { startReceiver } from './receiver.ts';

export interface Partners {
  /** Of all receivers: `http://127.0.0.1:PORT`. */
  origin: string;
  close(): Promise<void>;
}

export interface PartnersOptions {
  ledger: Ledger;
  print: (line: DemoLine) => void;
}

/** The receivers of the demo's partners. Each request makes a line. */
export async function startPartners({ ledger, print }: PartnersOptions): Promise<Partners> {
  const receiver = await startReceiver();
  for (const partner of demoPartners) {
    const { path, secret } = partner;
    const inbox = receiver.expect(path, { secret, behaviour: behaviourOf(partner), keep: false });
    inbox.onRequest((request) => {
      for (const line of linesOf(partner, request, ledger)) print(line);
    });
  }
  return { origin: receiver.origin, close: () => receiver.close() };
}

/** What a partner should check: who is calling, and that the signature is good. */
const isGenuine = ({ auth }: DemoPartner, { signature, headers }: UnansweredRequest): boolean =>
  signature === 'ok' && (auth.type === 'none' || headers['authorization'] === `Bearer ${auth.token}`);

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

function linesOf(partner: DemoPartner, request: ReceivedRequest, ledger: Ledger): DemoLine[] {
  const { id, arrivedAtMs, answer, signature, attempt, body } = request;
  const happening = {
    at: new Date(arrivedAtMs),
    what: readBody(partner.contract, body),
    ...(placeOf(id) ?? { towerId: '?', locker: null }),
  };
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
  // Nobody here published it: the first to hear of it announces it.
  ledger.add(id, null);
  const detail = id.includes('~')
    ? 'its time had come'
    : 'by someone else, or by an earlier run of this demo';
  return [{ kind: 'event', ...happening, detail }, delivery];
}
