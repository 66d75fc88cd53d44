import * as z from 'zod';
import type { NetworkFileSchema } from '../../schemas/network.ts';
import type { TowerReport } from '../../local/demo/tower.ts';

/** Signs for every endpoint of the benchmark. */
export const secret = `whsec_${Buffer.alloc(32, 5).toString('base64')}`;

/**
 * How a receiver speaks. `plain` and both kinds of TLS are hosts of their own, as partners are, which are called by name;
 * `closing` ends each connection with its answer.
 */
export const TransportSchema = z.enum(['shared', 'plain', 'tls', 'closing']);
export type Transport = z.infer<typeof TransportSchema>;

export const speaksTls = ({ transport }: { transport: Transport }): boolean =>
  transport === 'tls' || transport === 'closing';

const EndpointPlanSchema = z.object({
  name: z.string(),
  /** Figures of receipt are kept apart by it. */
  label: z.string().default('healthy'),
  /** Somewhere else than at the load generator's receiver. */
  url: z.string().optional(),
  /** Default: all are at one address, in plain HTTP. */
  transport: TransportSchema.default('shared'),
  /** Before the load generator's receiver answers. */
  delayMs: z.number().default(0),
  /** What it does not get counts as lost, and a run waits for it. */
  awaited: z.boolean().default(true),
  /** Hears of this locker only. */
  locker: z.int().optional(),
  /** Set in the table after the network is loaded: a network file can't say it. */
  ordered: z.boolean().default(false),
  scheduleSeconds: z.array(z.number()).optional(),
});

/** Towers with partners of their own. */
const GroupPlanSchema = z
  .object({
    name: z.string().regex(/^[a-z][a-z0-9]*$/),
    towers: z.int().min(1),
    /** Tower number n belongs to partner number n modulo this. */
    partners: z.int().min(1).default(1),
    /** Each partner's. */
    endpoints: z.array(EndpointPlanSchema).min(1),
    /** The most that the group's towers will report. */
    messages: z.int(),
    /** A parcel's life: six messages of which two move state. Doors move none, and need no reservations. */
    story: z.enum(['parcels', 'doors']).default('parcels'),
  })
  .refine(({ story, endpoints }) => story === 'doors' || !endpoints.some(({ ordered }) => ordered), {
    path: ['story'],
    message: 'must be "doors" for whoever wants order: reservations are news before anybody has asked for it',
  });
export const PlanSchema = z.object({ groups: z.array(GroupPlanSchema).min(1) });
export type Plan = z.infer<typeof PlanSchema>;
/** As a scenario writes it. */
export type PlanInput = z.input<typeof PlanSchema>;

/** The group `tower`: so many towers, whose every report goes to two endpoints. */
export const twoEndpoints = (towers: number, messages: number): PlanInput => ({
  groups: [{ name: 'tower', towers, endpoints: [{ name: 'one' }, { name: 'two' }], messages }],
});

/**
 * The group `orderly`: towers of five lockers whose partner has one endpoint, which asks for order. It reports in a phase of
 * its own, so that what a scenario measures otherwise stays what it is.
 */
export const orderly = (towers: number, messages: number): PlanInput['groups'][number] => ({
  name: 'orderly',
  towers,
  story: 'doors',
  endpoints: [{ name: 'e', label: 'ordered', ordered: true }],
  messages,
});

/** The group `late`: nothing is reported, and its endpoint gives up after one attempt. */
export const late: PlanInput['groups'][number] = {
  name: 'late',
  towers: 1,
  story: 'doors',
  endpoints: [{ name: 'e', label: 'late', awaited: false, scheduleSeconds: [0] }],
  messages: 0,
};

export type GroupPlan = Plan['groups'][number];
type EndpointPlan = GroupPlan['endpoints'][number];

/** As a network file has it, so that other versions of the code can read it too: nothing is filled in. */
export type NetworkInput = z.input<typeof NetworkFileSchema>;

const doorsLockers = 5;
const types = ['locker.opened', 'locker.closed', 'reservation.stocked', 'reservation.picked_up'];

const parcelStory = (locker: number, reservationId: string): TowerReport[] => [
  { type: 'locker.opened', locker },
  { type: 'parcel.stocked', locker, reservationId },
  { type: 'locker.closed', locker },
  { type: 'locker.opened', locker },
  { type: 'parcel.picked_up', locker, reservationId },
  { type: 'locker.closed', locker },
];
const storyLength = parcelStory(1, 'x').length;

const numbers = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

/** How many messages each tower has to report, at least. */
const perTower = ({ messages, towers }: GroupPlan): number => Math.ceil(messages / towers);

const lockersOf = (group: GroupPlan): number =>
  group.story === 'doors' ? doorsLockers : Math.max(1, Math.ceil(perTower(group) / storyLength));

export const towerIdOf = (group: GroupPlan, index: number): string =>
  `${group.name}-${String(index + 1).padStart(8, '0')}`;

const partnerIdOf = (group: GroupPlan, partner: number): string => `${group.name}-${partner + 1}`;

/** An endpoint's id, which is its path at the receiver too. */
export const endpointIdOf = (group: GroupPlan, partner: number, { name }: EndpointPlan): string =>
  `${partnerIdOf(group, partner)}-${name}`;

const reservationIdOf = (group: GroupPlan, tower: number, locker: number): string =>
  `${group.name}-${tower + 1}-${locker}`;

/** What a tower reports, in order. */
export function reportsOf(group: GroupPlan, tower: number): TowerReport[] {
  if (group.story === 'doors')
    return numbers(perTower(group)).map((turn) => ({
      type: turn % (2 * doorsLockers) < doorsLockers ? 'locker.opened' : 'locker.closed',
      locker: (turn % doorsLockers) + 1,
    }));
  return numbers(lockersOf(group)).flatMap((locker) =>
    parcelStory(locker + 1, reservationIdOf(group, tower, locker + 1)),
  );
}

const named = (group: GroupPlan, partner: number, endpoint: EndpointPlan): HearingEndpoint => ({
  ...endpoint,
  partnerId: partnerIdOf(group, partner),
  endpointId: endpointIdOf(group, partner, endpoint),
});

/** The endpoints that a tower's report about a locker goes to. */
export function hearersOf(group: GroupPlan, tower: number, locker: number | null): HearingEndpoint[] {
  const partner = tower % group.partners;
  return group.endpoints
    .filter((endpoint) => endpoint.locker === undefined || endpoint.locker === locker)
    .map((endpoint) => named(group, partner, endpoint));
}
export type HearingEndpoint = EndpointPlan & { partnerId: string; endpointId: string };

export const endpointsOf = (group: GroupPlan): HearingEndpoint[] =>
  numbers(group.partners).flatMap((partner) =>
    group.endpoints.map((endpoint) => named(group, partner, endpoint)),
  );

export const allEndpoints = ({ groups }: Plan): HearingEndpoint[] => groups.flatMap(endpointsOf);

/** Only loopback is called so, and whoever calls needs no name server (RFC 6761, section 6.3). */
export const hostNameOf = ({ endpointId }: { endpointId: string }): string => `${endpointId}.localhost`;

/** TCP ports of the load generator's receivers. */
export type Ports = Record<Transport, number>;

function urlAt(ports: Ports, endpointId: string, transport: Transport): string {
  const scheme = speaksTls({ transport }) ? 'https' : 'http';
  const host = transport === 'shared' ? '127.0.0.1' : hostNameOf({ endpointId });
  return `${scheme}://${host}:${ports[transport]}/${endpointId}`;
}

export function networkOf(plan: Plan, ports: Ports): NetworkInput {
  const all = plan.groups.map((group) => groupNetwork(group, ports));
  return {
    partners: all.flatMap(({ partners = [] }) => partners),
    endpoints: all.flatMap(({ endpoints = [] }) => endpoints),
    towers: all.flatMap(({ towers = [] }) => towers),
    reservations: all.flatMap(({ reservations = [] }) => reservations),
  };
}

function groupNetwork(group: GroupPlan, ports: Ports): NetworkInput {
  const lockers = numbers(lockersOf(group)).map((index) => ({ locker: index + 1 }));
  const partnerOf = (tower: number) => partnerIdOf(group, tower % group.partners);
  const reservations = (tower: number) =>
    lockers.map(({ locker }) => {
      const reservationId = reservationIdOf(group, tower, locker);
      const place = { towerId: towerIdOf(group, tower), locker, partnerId: partnerOf(tower) };
      return { reservationId, ...place, flowType: 'BENCH', barcode: reservationId };
    });
  return {
    partners: numbers(group.partners).map((partner) => {
      const partnerId = partnerIdOf(group, partner);
      // So that it can sign in under its own name.
      return { partnerId, clientIds: [partnerId] };
    }),
    endpoints: numbers(group.partners).flatMap((partner) =>
      group.endpoints.map((endpoint) => networkEndpoint(group, partner, endpoint, ports)),
    ),
    towers: numbers(group.towers).map((tower) => ({
      towerId: towerIdOf(group, tower),
      partnerIds: [partnerOf(tower)],
      lockers,
    })),
    reservations: group.story === 'parcels' ? numbers(group.towers).flatMap(reservations) : [],
  };
}

function networkEndpoint(group: GroupPlan, partner: number, endpoint: EndpointPlan, ports: Ports) {
  const endpointId = endpointIdOf(group, partner, endpoint);
  const { locker, scheduleSeconds } = endpoint;
  return {
    endpointId,
    partnerId: partnerIdOf(group, partner),
    url: endpoint.url ?? urlAt(ports, endpointId, endpoint.transport),
    contract: 'standard' as const,
    secret,
    filter: { types, ...(locker !== undefined && { lockers: [locker] }) },
    ...(scheduleSeconds !== undefined && { scheduleSeconds }),
  };
}
