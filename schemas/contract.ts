import * as z from 'zod';

/** A contract is a wire format. Each has one file under functions/deliver/contracts/. */
export const ContractNameSchema = z.enum([
  'standard',
  'locker-open',
  'reservation-status',
  'message-pointer',
  'queue-position',
  'access-event',
  'cloudevents',
]);
export type ContractName = z.infer<typeof ContractNameSchema>;

/**
 * What ends a delivery: the response to a POST, or that its message is marked as read over the API. Until then the POST
 * repeats, whatever its response was.
 */
export const acknowledgementOf = (contract: ContractName): 'response' | 'read' =>
  contract === 'message-pointer' ? 'read' : 'response';
