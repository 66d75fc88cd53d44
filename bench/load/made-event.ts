import { eventIdOf, eventKey } from '../../schemas/event-id.ts';
import { DomainEventSchema, type DomainEvent } from '../../schemas/event.ts';
import { instantFromMs } from '../../schemas/instant.ts';
import { towerIdOf, type GroupPlan } from './plan.ts';

/** An event that no tower reported, of a door at the group's first tower. */
export function madeEvent(group: GroupPlan, index: number, atMs: number): DomainEvent {
  const towerId = towerIdOf(group, 0);
  const at = instantFromMs(atMs);
  return DomainEventSchema.parse({
    id: eventIdOf(eventKey(towerId, 1, at, { boot: 'due', seq: index + 1 })),
    type: 'locker.opened',
    occurredAt: at,
    receivedAt: at,
    cause: 'tower',
    late: false,
    towerId,
    locker: 1,
    partnerIds: [`${group.name}-1`],
    data: { lockerStatus: 'available' },
  });
}
