import type { DomainEvent, LockerOpenData } from '../../../schemas/event.ts';
import type { Instant } from '../../../schemas/primitives.ts';
import { parseJsonText, renderJson, type Contract } from './contract.ts';

/** Locker Open deep links: test/seeds/locker-open.txt. Fields that a source does not carry are null. */
export const renderLockerOpen: Contract = (event, endpoint, { operatorTimeZone }) => {
  const message = describe(event);
  if (message === null) return null;
  const { source, data, request, token } = message;
  return renderJson(endpoint, {
    timestamp: localTime(event.receivedAt, operatorTimeZone),
    event: source === 'LOCKER_OPEN_LINK_CREATED' ? 'LOCKER_ASSIGNED' : 'LOCKER_OPERATION',
    data: {
      timestamp: utcTime(event.occurredAt),
      locker_id: event.locker,
      locker_status: data.lockerStatus,
      tower_id: event.towerId,
      source,
      reservation_id: null,
      open_locker_token_id: token ? data.tokenId : null,
      keypad_code: null,
      client_info: token ? data.clientInfo : null,
      locker_open_request_id: request ? data.requestId : null,
      locker_open_request_payload: request ? parseJsonText(data.requestPayload) : null,
    },
  });
};

interface Message {
  source: 'LOCKER_OPEN_LINK_CREATED' | 'LOCKER_TOKEN_CREATED' | 'LOCKER_TOKEN_USED';
  data: LockerOpenData;
  /** Whether this source carries the request's fields, and the token's. */
  request: boolean;
  token: boolean;
}

function describe(event: DomainEvent): Message | null {
  const { type, data } = event;
  if (type === 'locker.assigned')
    return { source: 'LOCKER_OPEN_LINK_CREATED', data, request: true, token: false };
  if (type === 'locker.token_created')
    return { source: 'LOCKER_TOKEN_CREATED', data, request: false, token: true };
  if (type === 'locker.token_used') return { source: 'LOCKER_TOKEN_USED', data, request: true, token: true };
  return null;
}

const formatters = new Map<string, Intl.DateTimeFormat>();

/** Creating one costs a hundred times what its use does. */
function formatterFor(timeZone: string): Intl.DateTimeFormat {
  const known = formatters.get(timeZone);
  if (known !== undefined) return known;
  const formatter = new Intl.DateTimeFormat('en-US', {
    timeZone,
    hourCycle: 'h23',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
  });
  formatters.set(timeZone, formatter);
  return formatter;
}

/** Wall clock time without offset: `2025-04-01T13:02:37`. */
function localTime(instant: Instant, timeZone: string): string {
  const parts = new Map(
    formatterFor(timeZone)
      .formatToParts(Date.parse(instant))
      .map(({ type, value }) => [type, value]),
  );
  const part = (type: Intl.DateTimeFormatPartTypes) => parts.get(type) ?? '';
  return `${part('year')}-${part('month')}-${part('day')}T${part('hour')}:${part('minute')}:${part('second')}`;
}

/** `2025-04-01T16:02:36.884285+00:00`, and without fraction when it is zero: as Python's isoformat() has it. */
function utcTime(instant: Instant): string {
  const [seconds = '', fraction = ''] = instant.slice(0, -1).split('.');
  return /[1-9]/.test(fraction) ? `${seconds}.${fraction.padEnd(6, '0')}+00:00` : `${seconds}+00:00`;
}
