import { isTroubled } from '../domain/endpoint-health.ts';
import { matches } from '../domain/match.ts';
import type { Endpoint } from '../../schemas/endpoint.ts';
import type { DomainEvent } from '../../schemas/event.ts';
import type { EndpointDirectory, KnownEndpoint, ReadEndpoint } from '../shared/endpoint-directory.ts';
import { maxDelaySeconds, type OutgoingTask } from '../shared/queue.ts';

export interface TasksDeps {
  endpoints: Pick<EndpointDirectory, 'get' | 'ofPartner'>;
  newTaskId: () => string;
}

/** An event's tasks, by whether the endpoint asks for order. */
export interface EventTasks {
  ordered: readonly OutgoingTask[];
  others: readonly OutgoingTask[];
}

export const noTasks: EventTasks = { ordered: [], others: [] };

/** One task for each endpoint that an event is for. */
export async function tasksFor(deps: TasksDeps, event: DomainEvent): Promise<EventTasks> {
  const endpoints = await candidatesFor(deps, event);
  const tasks = endpoints
    .filter((endpoint) => matches(endpoint, event))
    .map((endpoint) => taskTo(deps, endpoint, event));
  const { ordered = [], others = [] } = Object.groupBy(tasks, ({ via }) =>
    via === 'ordered' ? 'ordered' : 'others',
  );
  return { ordered, others };
}

function taskTo(deps: TasksDeps, endpoint: ReadEndpoint, event: DomainEvent): OutgoingTask {
  const { partnerId, endpointId } = endpoint;
  return {
    task: { v: 1, taskId: deps.newTaskId(), partnerId, endpointId, event, attempts: [] },
    endpoint,
    ...routeTo(endpoint),
  };
}

async function candidatesFor(
  { endpoints }: TasksDeps,
  { partnerIds, test }: DomainEvent,
): Promise<ReadEndpoint[]> {
  const audience = [...new Set(partnerIds)];
  // An endpoint is tried as soon as it was created: a partner's list that was read before does not have it.
  const found =
    test === undefined
      ? await Promise.all(audience.map((partnerId) => endpoints.ofPartner(partnerId)))
      : await Promise.all(audience.map((partnerId) => endpoints.get({ partnerId, ...test })));
  return found.flat().filter((endpoint) => endpoint !== null);
}

/** Over which queue, and when. A queue that keeps order holds nothing back. */
const routeTo = (endpoint: KnownEndpoint): Pick<OutgoingTask, 'via' | 'delaySeconds'> =>
  endpoint.ordered === true
    ? { via: 'ordered', delaySeconds: 0 }
    : {
        ...(isTroubled(endpoint.health) && { via: 'slow' as const }),
        delaySeconds: firstDelaySeconds(endpoint),
      };

/** A schedule may start later than at once, up to what the queue can hold back. */
const firstDelaySeconds = ({ scheduleSeconds }: Endpoint): number =>
  Math.min(Math.round(scheduleSeconds?.[0] ?? 0), maxDelaySeconds);
