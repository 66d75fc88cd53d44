import * as z from 'zod';
import { InstantSchema, LockerNumberSchema, NumericIdSchema } from './primitives.ts';

const command = {
  /** Unique; comes back in the `command.result` of a command that has one. */
  commandId: z.string().min(1),
  /** A tower that reads the command later must not act on it. */
  expiresAt: InstantSchema,
};

/** Asks for a range of `seq` that is missing; both ends included. */
export const ResendCommandSchema = z.object({
  commandId: command.commandId,
  type: z.literal('resend'),
  boot: z.string(),
  from: z.int().min(0),
  to: z.int().min(0),
  expiresAt: command.expiresAt,
});

/** Opens one door for a locker open token. */
export const OpenCommandSchema = z.object({
  commandId: command.commandId,
  type: z.literal('open'),
  locker: LockerNumberSchema,
  tokenId: NumericIdSchema,
  expiresAt: command.expiresAt,
});
export type OpenCommand = z.infer<typeof OpenCommandSchema>;

/** What Towercast publishes on `towers/{towerId}/commands`. */
export const TowerCommandSchema = z.discriminatedUnion('type', [ResendCommandSchema, OpenCommandSchema]);
export type TowerCommand = z.infer<typeof TowerCommandSchema>;

/**
 * What Towercast publishes on `towers/{towerId}/acks`: everything up to `seq` of this boot is safe, so the tower may
 * prune its buffer.
 */
export const TowerAckSchema = z.object({ boot: z.string(), seq: z.int() });
export type TowerAck = z.infer<typeof TowerAckSchema>;
