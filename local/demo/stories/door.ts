import { instantToMs } from '../../../schemas/instant.ts';
import type { OpenCommand } from '../../../schemas/tower-command.ts';
import { eventName } from '../event-name.ts';
import { publish, report, type Random, type Story } from './step.ts';

export interface DoorPlot {
  towerId: string;
  command: OpenCommand;
  /** Epoch milliseconds. */
  now: () => number;
  random: Random;
}

/** What a tower does with an `open` command, whoever pressed the button: now and then the door is stuck. */
export function* doorStory({ towerId, command, now, random }: DoorPlot): Story {
  const { commandId, locker, tokenId, expiresAt } = command;
  if (instantToMs(expiresAt) <= now()) return;
  const place = { towerId, locker };
  // The command's own event was of its first version.
  const about = { locker, name: eventName(place, { entity: 'command', id: commandId, version: 2 }) };
  const result = { type: 'command.result', commandId } as const;
  if (random() < 0.12) {
    const refused = { ...result, outcome: 'refused', reason: 'the door is stuck' } as const;
    yield* publish({ towerId, reports: [refused], say: 'the door is stuck', about });
    return;
  }
  yield* publish({ towerId, reports: [{ ...result, outcome: 'opened' }], say: 'the tower obeys', about });
  yield report(place, { type: 'locker.opened' }, 'the door opens');
  yield report(place, { type: 'token.used', tokenId }, `token ${tokenId} is used`);
  yield { kind: 'wait', seconds: 2 };
  yield report(place, { type: 'locker.closed' }, 'the door shuts');
}
