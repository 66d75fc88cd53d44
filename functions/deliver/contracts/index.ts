import type { ContractName } from '../../../schemas/contract.ts';
import type { Contract } from './contract.ts';
import { renderAccessEvent } from './access-event.ts';
import { renderCloudEvent } from './cloudevents.ts';
import { renderLockerOpen } from './locker-open.ts';
import { renderMessagePointer } from './message-pointer.ts';
import { renderQueuePosition } from './queue-position.ts';
import { renderReservationStatus } from './reservation-status.ts';
import { renderStandard } from './standard.ts';

export const contracts: Record<ContractName, Contract> = {
  standard: renderStandard,
  'locker-open': renderLockerOpen,
  'reservation-status': renderReservationStatus,
  'message-pointer': renderMessagePointer,
  'queue-position': renderQueuePosition,
  'access-event': renderAccessEvent,
  cloudevents: renderCloudEvent,
};
