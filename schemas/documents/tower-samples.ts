import type { TowerAck, TowerCommand } from '../tower-command.ts';

export interface MessageSample {
  summary: string;
  /** What the message carries beside the envelope and its type. */
  fields: Readonly<Record<string, unknown>>;
}

/** What each message a tower sends is for, and one of its kind. A test fails for a type that is missing here. */
export const messageSamples: Readonly<Record<string, MessageSample>> = {
  'token.used': {
    summary: 'A locker open token opened the locker; a token works once.',
    fields: { locker: 9, tokenId: 52 },
  },
  'keypad.used': {
    summary: 'A code was typed on the keypad.',
    fields: { locker: 9, code: '4711' },
  },
  'parcel.stocked': {
    summary: 'A parcel was put in: the reservation becomes STOCKED, the locker occupied.',
    fields: { locker: 9, reservationId: 'RES-123456', barcode: '1234567890123' },
  },
  'parcel.incomplete': {
    summary: 'Part of it was put in, or it did not fit: the reservation becomes INCOMPLETE.',
    fields: { locker: 9, reservationId: 'RES-123456', reason: 'oversize' },
  },
  'parcel.picked_up': {
    summary: 'The customer took it: PICKED_UP, the locker available.',
    fields: { locker: 9, reservationId: 'RES-123456' },
  },
  'parcel.collected': {
    summary: 'The courier took it out for return: RETURNED, the locker available.',
    fields: { locker: 9, reservationId: 'RES-123456' },
  },
  'locker.opened': { summary: 'The door was opened.', fields: { locker: 9 } },
  'locker.closed': { summary: 'The door was closed.', fields: { locker: 9 } },
  'locker.left_open': { summary: 'The door has been open for too long.', fields: { locker: 9 } },
  'locker.forced': { summary: 'The door was opened by force.', fields: { locker: 9 } },
  'access.locked': { summary: 'A key locked the lock.', fields: { keyId: 'key-1' } },
  'access.unlocked': { summary: 'A key unlocked the lock.', fields: { keyId: 'key-1' } },
  'access.denied': { summary: 'A key was refused at the lock.', fields: { keyId: 'key-1' } },
  'position.walk_in': {
    summary: 'Somebody took a ticket at the kiosk.',
    fields: { queue: 'dd31dda9-5ec0-46c6-a75b-71cb1f66a48d', numberOfPeople: 2, locale: 'en' },
  },
  'position.checked_in': {
    summary: 'Somebody checked in at the kiosk.',
    fields: { positionId: 'cce2ae86-1f5c-4dd4-b040-0b606a850f62' },
  },
  'command.result': {
    summary: 'What came of a command.',
    fields: { commandId: '5f1d6c0e-31a4-4f1c-9a3c-2f7f6f0f2b11', outcome: 'opened' },
  },
  'tower.started': { summary: 'First message of a boot.', fields: { firmware: '4.2.0' } },
  'tower.heartbeat': { summary: 'Sign of life. Makes no event; is answered on `acks`.', fields: {} },
};

/** What each command asks for. */
export const commandSamples: Readonly<
  Record<TowerCommand['type'], { summary: string; sample: TowerCommand }>
> = {
  resend: {
    summary: 'Send a missing range of `seq` again, both ends included.',
    sample: {
      commandId: '0b3f0a52-6c2e-4f0b-8d55-3a6a3b6c6f10',
      type: 'resend',
      boot: 'b7',
      from: 1040,
      to: 1041,
      expiresAt: '2026-03-20T09:25:00.000Z',
    },
  },
  open: {
    summary: 'Open one door for a locker open token, and report the outcome.',
    sample: {
      commandId: '5f1d6c0e-31a4-4f1c-9a3c-2f7f6f0f2b11',
      type: 'open',
      locker: 9,
      tokenId: 52,
      expiresAt: '2026-03-20T09:16:00.000Z',
    },
  },
};

export const ackSample: TowerAck = { boot: 'b7', seq: 1042 };
