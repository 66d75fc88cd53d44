import { openBed, type Bed } from '../bed.ts';
import type { PlanInput, Transport } from '../load/plan.ts';
import type { RunResult } from '../load/protocol.ts';
import { median, type Percentiles } from '../measure/percentiles.ts';
import { atMost, fixed, none, type Row, type Scenario, type ScenarioContext } from '../scenario.ts';

const perSecond = 50;
/** Of what a delivery over a kept connection takes in plain HTTP. */
const limit = 1.3;
/** Each is kept for up to five minutes, by each process of `deliver`, for each host. */
const connectionsLimit = 0.05;

const variants = ['plain', 'tls', 'closing'] as const satisfies readonly Transport[];
type Variant = (typeof variants)[number];

const names: Readonly<Record<Variant, string>> = {
  plain: 'HTTP',
  tls: 'HTTPS',
  closing: 'HTTPS, a connection each',
};

/** `deliver` for one group's events. */
interface Round {
  result: RunResult;
  cpuMsPerDelivery: number;
}
type Rounds = Record<Variant, Round[]>;

const groupOf = (transport: Variant, messages: number): PlanInput['groups'][number] => ({
  name: transport,
  towers: 20,
  endpoints: ['one', 'two'].map((name) => ({ name, label: transport, transport })),
  messages,
});

/**
 * The same load on partners that speak plain HTTP, on some that speak HTTPS, and on some that speak HTTPS and keep no
 * connection, in turns on one stack. The functions check certificates as ever; they trust one authority more.
 */
export const tls: Scenario = {
  name: 'tls',
  describes:
    'what TLS adds to a delivery: two endpoints that speak HTTPS against two that speak HTTP, in turns',
  async run(context) {
    const rounds = context.quick ? 2 : 6;
    const messages = perSecond * (context.quick ? 2 : 4);
    const warmUp = context.quick ? 150 : 500;
    await using bed = await openBed(context, {
      name: 'tls',
      plan: { groups: variants.map((name) => groupOf(name, warmUp + rounds * messages)) },
    });
    for (const group of variants) await bed.load.run({ group, messages: warmUp, perSecond: 2 * perSecond });
    const measured: Rounds = { plain: [], tls: [], closing: [] };
    for (let round = 1; round <= rounds; round += 1) await measureRound(context, bed, measured, messages);
    const audit = await bed.load.audit();
    const deliveries = 2 * (warmUp + rounds * messages);
    const ratios = variants.map((name) => ({ name, ratios: ratiosOf(measured, name) }));
    const kept = ratiosOf(measured, 'tls');
    const connections = audit.connections;
    return {
      figures: { measured, ratios, deliveries, audit },
      checks: [
        {
          what: `tls: CPU of a delivery over HTTPS against HTTP, connections kept, median of ${rounds} rounds`,
          measured: `${fixed(median(kept))} × (${kept.map((each) => fixed(each)).join(', ')})`,
          aim: `≤ ${limit} ×`,
          holds: median(kept) <= limit,
        },
        atMost(
          'tls: connections for a delivery over HTTPS',
          connections.tls.made / deliveries,
          connectionsLimit,
        ),
        none(
          'tls: connections over HTTPS without a handshake',
          connections.tls.made -
            connections.tls.handshakes +
            connections.closing.made -
            connections.closing.handshakes,
        ),
        none('tls: lost', audit.lost),
        none('tls: duplicated', audit.duplicated),
        none('tls: bad signatures', audit.badSignatures),
      ],
      sections: [
        {
          title: 'A delivery, median of the rounds; connections from the first one on',
          header: ['', 'CPU ms of deliver', 'against HTTP', 'connections', 'handshakes'],
          rows: variants.map((name): Row => [
            names[name],
            fixed(median(measured[name].map(({ cpuMsPerDelivery }) => cpuMsPerDelivery))),
            `${fixed(median(ratiosOf(measured, name)))} ×`,
            fixed(connections[name].made / deliveries, 3),
            fixed(connections[name].handshakes / deliveries, 3),
          ]),
        },
        {
          title: `Latency from publish to receipt at ${perSecond} events a second, ms, median of the rounds`,
          header: ['', 'p50', 'p95', 'p99', 'max'],
          rows: variants.map((name) => latencyRow(name, measured[name])),
        },
      ],
    };
  },
};

async function measureRound(
  context: ScenarioContext,
  bed: Bed,
  measured: Rounds,
  messages: number,
): Promise<void> {
  for (const group of variants) {
    const { result, functions } = await bed.measure(() => bed.load.run({ group, messages, perSecond }));
    const cpuMsPerDelivery = (functions['DeliverFunction']?.cpuMs ?? Number.NaN) / result.received;
    measured[group].push({ result, cpuMsPerDelivery });
  }
  const latest = variants.map(
    (name) => `${names[name]} ${fixed(measured[name].at(-1)?.cpuMsPerDelivery ?? 0)}`,
  );
  context.say(`${latest.join('; ')} ms a delivery`);
}

/** Round by round, against the plain one that was right before. */
const ratiosOf = (rounds: Rounds, name: Variant): number[] =>
  rounds[name].map(
    ({ cpuMsPerDelivery }, round) => cpuMsPerDelivery / (rounds.plain[round]?.cpuMsPerDelivery ?? Number.NaN),
  );

function latencyRow(name: Variant, rounds: readonly Round[]): Row {
  const of = (rank: keyof Percentiles) =>
    fixed(median(rounds.map(({ result }) => result.latencyMs[name]?.[rank] ?? Number.NaN)), 0);
  return [names[name], of('p50'), of('p95'), of('p99'), of('max')];
}
