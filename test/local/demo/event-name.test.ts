import { describe, expect, it } from 'vitest';
import { eventName, nameOfEvent, nameOfMessage, positionOf } from '../../../local/demo/event-name.ts';
import { eventIdOf, subjectEventKey } from '../../../schemas/event-id.ts';

const towerId = '0000000000000001';
const envelope = { v: 1, boot: 'b7', seq: 1042, at: '2026-03-20T10:15:00+01:00' } as const;
const source = { boot: 'b7', seq: 1042 };
const at = '2026-03-20T09:15:00.000Z';

describe('an event’s name', () => {
  it('is its id without the time', () => {
    const subject = { kind: 'booking', id: 'B1' } as const;
    expect(eventName(subject, { version: 2 })).toBe('booking~B1 v~2');
    expect(nameOfEvent(eventIdOf(subjectEventKey(subject, at, { version: 2 })))).toBe('booking~B1 v~2');
    expect(nameOfEvent('msg_1')).toBe('msg_1');
  });

  it('is known of a message before it is sent, whatever it is about', () => {
    const opened = { ...envelope, type: 'locker.opened', locker: 9 } as const;
    expect(nameOfMessage(towerId, opened)).toBe(eventName({ towerId, locker: 9 }, source));
    expect(nameOfMessage(towerId, { ...envelope, type: 'tower.started' })).toBe(
      eventName({ towerId, locker: null }, source),
    );
    const unlocked = { ...envelope, type: 'access.unlocked', keyId: 'k', lockId: 'gate' } as const;
    expect(nameOfMessage(towerId, unlocked)).toBe(eventName({ kind: 'lock', id: 'gate' }, source));
    const walkIn = { ...envelope, type: 'position.walk_in', queue: 'desk' } as const;
    expect(nameOfMessage(towerId, walkIn)).toBe(
      eventName({ kind: 'position', id: positionOf(towerId, walkIn) }, source),
    );
  });
});
