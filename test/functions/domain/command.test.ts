import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { orderOpening, settleByResult, settleOverdue } from '../../../functions/domain/command.ts';
import type { Decision } from '../../../functions/domain/event.ts';
import { decideTokenUse } from '../../../functions/domain/locker-open.ts';
import type { Command, Token } from '../../../schemas/entity.ts';
import { DomainEventSchema } from '../../../schemas/event.ts';
import { instantFromMs } from '../../../schemas/instant.ts';
import { locker, request, token } from './samples.ts';

const sentMs = Date.parse('2026-03-20T09:00:00.000Z');
const order = { commandId: 'c-1', now: instantFromMs(sentMs), lifeMs: 30_000 };
const after = (seconds: number) => instantFromMs(sentMs + seconds * 1_000);

/** Whatever may happen to a command, a number of seconds after it was sent. */
const happenings = fc.oneof(
  fc.record({
    what: fc.constantFrom('opened' as const, 'refused' as const),
    at: fc.integer({ min: -10, max: 200 }),
  }),
  fc.record({ what: fc.constantFrom('token' as const), at: fc.integer({ min: -10, max: 200 }) }),
  fc.record({
    what: fc.constantFrom('timer' as const),
    at: fc.integer({ min: 0, max: 200 }),
    seen: fc.option(fc.integer({ min: -60, max: 200 })),
  }),
);
type Happening = typeof happenings extends fc.Arbitrary<infer T> ? T : never;

const committed = (command: Command): Command => ({ ...command, version: command.version + 1 });

/** What it does to the command, or null when it leaves it alone; and what it tells of the outcome. */
function apply(command: Command, used: Token, happening: Happening): Decision | null {
  const at = after(happening.at);
  switch (happening.what) {
    case 'opened':
    case 'refused':
      return settleByResult(command, { outcome: happening.what, reason: null, at, receivedAt: at });
    case 'timer':
      return settleOverdue(command, at, happening.seen === null ? null : after(happening.seen));
    case 'token': {
      const position = { at, boot: 'b1', seq: 1 };
      const decision = decideTokenUse({ token: used, request, command, locker, tokenId: 52, position });
      if (decision.kind === 'refused' || decision.command === null) return null;
      return { changes: [decision.command], events: [] };
    }
  }
}

describe('a command', () => {
  it('gets one outcome and is told of once, in whatever order it is answered', () => {
    fc.assert(
      fc.property(fc.array(happenings, { maxLength: 12 }), (all) => {
        const { command: sent, event } = orderOpening(token, order);
        expect(DomainEventSchema.parse(event)).toEqual(event);
        let command = committed(sent);
        let usedAt: Token['usedAt'] = null;
        const outcomes: Command['outcome'][] = [];
        const ids = [event.id];
        for (const happening of all) {
          const decision = apply(command, { ...token, usedAt }, happening);
          if (happening.what === 'token') usedAt = after(happening.at);
          const changed = decision?.changes.find((entity) => entity.kind === 'command');
          if (decision === null || changed === undefined) continue;
          outcomes.push(changed.outcome);
          ids.push(...decision.events.map(({ id }) => id));
          command = committed(changed);
        }
        expect(outcomes.length).toBeLessThanOrEqual(1);
        expect(command.outcome).toBe(outcomes[0] ?? null);
        expect(command.dueAt === null).toBe(command.outcome !== null);
        expect(new Set(ids).size).toBe(ids.length);
      }),
    );
  });

  it('never stays open once it is due', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 200 }),
        fc.option(fc.integer({ min: -60, max: 200 })),
        (at, seen) => {
          const { command } = orderOpening(token, order);
          const decision = settleOverdue(command, after(at), seen === null ? null : after(seen));
          const outcome = seen !== null && seen > 0 ? 'unknown' : 'expired';
          const settled = [expect.objectContaining({ outcome, settledAt: after(45) })];
          expect(decision?.changes ?? []).toEqual(at < 45 ? [] : settled);
        },
      ),
    );
  });
});
