import { expresses } from '../../../schemas/contract-events.ts';
import type { Contract } from './contract.ts';

/**
 * A pointer to a booking's message, which is read and acknowledged over the API: test/seeds/message-pointer.txt. The
 * body is empty, and signed like any other.
 */
export const renderMessagePointer: Contract = (event) =>
  expresses('message-pointer', event)
    ? {
        method: 'POST',
        headers: { 'user-agent': 'LockMe/1.0', 'x-messageid': event.id },
        body: new Uint8Array(),
      }
    : null;
