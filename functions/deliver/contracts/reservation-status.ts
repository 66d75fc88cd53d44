import { expresses } from '../../../schemas/contract-events.ts';
import { inMilliseconds } from '../../../schemas/instant.ts';
import { renderJson, type Contract } from './contract.ts';

/** Reservation status changes: test/seeds/reservation-status.txt. Optional fields are absent, not null. */
export const renderReservationStatus: Contract = (event, endpoint) => {
  if (!expresses('reservation-status', event) || !('previousStatus' in event.data)) return null;
  const { data } = event;
  return renderJson(endpoint, {
    reservationId: data.reservationId,
    unitId: data.unitId,
    status: data.status,
    // The document shows milliseconds; what a tower measured finer is cut.
    changeTime: inMilliseconds(event.occurredAt),
    flowType: data.flowType,
    barcode: data.barcode,
    ...(data.docNumber !== undefined && { docNumber: data.docNumber }),
    ...(data.expirationDate !== undefined && { expirationDate: inMilliseconds(data.expirationDate) }),
  });
};
