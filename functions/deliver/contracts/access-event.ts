import { expresses } from '../../../schemas/contract-events.ts';
import { toAccessEvent } from '../../shared/access-event.ts';
import { renderJson, type Contract } from './contract.ts';

/** The use of an integrator's key: test/seeds/access-event.txt. */
export const renderAccessEvent: Contract = (event, endpoint) => {
  const accessEvent = expresses('access-event', event) ? toAccessEvent(event) : null;
  return accessEvent === null ? null : renderJson(endpoint, accessEvent);
};
