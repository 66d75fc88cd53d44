import * as z from 'zod';
import { CallSchema, NewFeedbackSchema, PositionResourceSchema } from '../../../schemas/api/position.ts';
import type { Position } from '../../../schemas/position.ts';
import { NameSchema } from '../../../schemas/primitives.ts';
import { movePosition, type PositionCommand } from '../../domain/position.ts';
import { visibleTo } from '../caller.ts';
import { defineOperation, nothing, type Caller, type Operation } from '../operation.ts';
import { contended, Problem } from '../problem.ts';
import type { Services } from '../services.ts';

const tag = 'Positions';
const params = z.strictObject({ positionId: NameSchema });
/** A kiosk or the timer may move it at the same moment: then it is decided again. */
const maxAttempts = 4;

interface ActionSpec {
  operationId: string;
  /** Last part of the path. */
  verb: string;
  summary: string;
  /** The document's name of the webhook. */
  sends: string;
}

const descriptionOf = ({ operationId, verb, summary, sends }: ActionSpec) => ({
  operationId,
  method: 'POST' as const,
  path: `/v1/positions/{positionId}/${verb}`,
  tag,
  summary,
  description: `Sends \`${sends}\`. Refused with 409 \`transition_not_allowed\` where its status does not allow it.`,
  access: 'any' as const,
  params,
  query: nothing,
  response: {
    status: 200 as const,
    schema: PositionResourceSchema,
    description: 'The position as it is now.',
  },
  problems: [409],
});

const simple = (
  action: Exclude<PositionCommand['action'], 'call' | 'feedback' | 'activate'>,
  spec: ActionSpec,
): Operation =>
  defineOperation({
    ...descriptionOf(spec),
    body: null,
    handle: async (services, { params: { positionId }, caller }) =>
      move(services, caller, positionId, { action }),
  });

const call = defineOperation({
  ...descriptionOf({
    operationId: 'callPosition',
    verb: 'call',
    summary: 'Call a position',
    sends: 'positionCalled',
  }),
  body: CallSchema,
  examples: { body: { station: { id: 'c2', label: 'C2' }, extraStatus: 'goToEntrance' } },
  handle: async (services, { params: { positionId }, body: { station, extraStatus }, caller }) =>
    move(services, caller, positionId, { action: 'call', station, extraStatus }),
});

const feedback = defineOperation({
  ...descriptionOf({
    operationId: 'givePositionFeedback',
    verb: 'feedback',
    summary: 'Give or change the customer’s feedback',
    sends: 'feedbackReceived',
  }),
  body: NewFeedbackSchema,
  examples: { body: { rating: 4, message: 'Lorem ipsum' } },
  handle: async (services, { params: { positionId }, body, caller }) =>
    move(services, caller, positionId, { action: 'feedback', feedback: body }),
});

async function move(services: Services, caller: Caller, positionId: string, command: PositionCommand) {
  for (let attempt = 1; attempt <= maxAttempts; attempt += 1) {
    const position = await readPosition(services, caller, positionId);
    const moved = movePosition(position, command, { by: 'api', now: services.now() });
    if (moved.kind !== 'decided')
      throw new Problem(
        409,
        'transition_not_allowed',
        `The position is ${position.status}, which does not allow this.`,
      );
    const outcome = await services.commit(moved);
    if (outcome.kind === 'committed') return { body: moved.position, version: position.version + 1 };
  }
  throw contended();
}

export async function readPosition(
  { entities }: Services,
  caller: Caller,
  positionId: string,
): Promise<Position> {
  const ref = { kind: 'position', positionId } as const;
  return visibleTo(caller, (await entities.getMany([ref])).get(ref), 'position');
}

export const positionActionOperations: readonly Operation[] = [
  call,
  simple('retry', {
    operationId: 'retryPosition',
    verb: 'retry',
    summary: 'Call a position again',
    sends: 'positionRetry',
  }),
  simple('check_in', {
    operationId: 'checkInPosition',
    verb: 'check-in',
    summary: 'Check in: it is being served',
    sends: 'positionFulfilled',
  }),
  simple('check_out', {
    operationId: 'checkOutPosition',
    verb: 'check-out',
    summary: 'Check out: it was served',
    sends: 'positionCompleted',
  }),
  simple('cancel', {
    operationId: 'cancelPosition',
    verb: 'cancel',
    summary: 'Cancel for the customer',
    sends: 'positionCancelled',
  }),
  simple('cancel_by_staff', {
    operationId: 'cancelPositionByStaff',
    verb: 'cancel-by-staff',
    summary: 'Cancel an upcoming booking for staff',
    sends: 'positionCancelledByStaff',
  }),
  simple('reject', {
    operationId: 'rejectPosition',
    verb: 'reject',
    summary: 'Reject a ticket that is in the queue',
    sends: 'bookingRemoved',
  }),
  feedback,
];
