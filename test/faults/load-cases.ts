import { loadNetwork } from '../../local/network/load.ts';
import { NetworkFileSchema } from '../../schemas/network.ts';
import type { FaultCase } from './fault-case.ts';
import type { FaultWorld } from './fault-world.ts';

/** Loads what the cases need, all at once. */
export async function loadCases({ stack }: FaultWorld, cases: readonly FaultCase[]): Promise<void> {
  for (const one of cases) one.arm();
  const parts = cases.map((one) => one.network());
  await loadNetwork(
    stack,
    NetworkFileSchema.parse({
      towers: parts.flatMap(({ towers }) => towers),
      partners: parts.flatMap(({ partners }) => partners),
      endpoints: parts.flatMap(({ endpoints }) => endpoints),
      reservations: parts.flatMap(({ reservations }) => reservations),
    }),
  );
}
