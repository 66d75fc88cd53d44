import * as z from 'zod';
import { compareInstants, toInstant } from '../../schemas/instant.ts';
import { TowerIdSchema, type Instant } from '../../schemas/primitives.ts';
import type { QuarantineReason } from '../../schemas/quarantine.ts';
import { TowerMessageSchema, type RuleEvent, type TowerMessage } from '../../schemas/tower-message.ts';

/** A message that may be processed. `at` is its time as a UTC instant. */
export interface Accepted {
  index: number;
  message: TowerMessage;
  at: Instant;
  /** The message's bytes: the publication's own, or for an element of an array its JSON written again. */
  raw: () => Buffer;
}

/** A message, or a publication, that can never be processed. */
export interface Rejected {
  index: number;
  reason: QuarantineReason;
  detail: string;
  raw: Buffer;
}

export interface Seq {
  boot: string;
  seq: number;
  /** Whether the boot begins here: nothing before it is missed. */
  isStart: boolean;
}

export interface Publication {
  /** Null when the topic names no tower. */
  towerId: string | null;
  isArray: boolean;
  /** In the order of the array, none twice. */
  accepted: Accepted[];
  rejected: Rejected[];
  /** Of each message whose place in the sequence can be read, rejected ones included: to send it again is no use. */
  seqs: Seq[];
  /** How many elements only repeated an earlier one. */
  repeated: number;
}

/** The limit of AWS IoT Core for one publication. */
const maxPayloadBytes = 128 * 1024;
const maxClockAheadMs = 10 * 60_000;
const earliest: Instant = '2020-01-01T00:00:00.000Z';

const EnvelopeSchema = z.object({
  boot: TowerMessageSchema.options[0].shape.boot,
  seq: TowerMessageSchema.options[0].shape.seq,
  type: z.unknown(),
});

const knownTypes = new Set<string>(TowerMessageSchema.options.map((option) => option.shape.type.value));

/** Takes a publication apart. Nothing that a tower may send makes it throw. */
export function parsePublication(event: Pick<RuleEvent, 'payload' | 'topic' | 'receivedAt'>): Publication {
  const bytes = Buffer.from(event.payload, 'base64');
  const towerId = towerOfTopic(event.topic);
  const whole = (reason: QuarantineReason, detail: string): Publication => ({
    towerId,
    isArray: false,
    accepted: [],
    rejected: [{ index: 0, reason, detail, raw: bytes }],
    seqs: [],
    repeated: 0,
  });
  if (towerId === null) return whole('topic_mismatch', `${event.topic} is not towers/{towerId}/events`);
  if (bytes.length > maxPayloadBytes) return whole('oversized', `${bytes.length} bytes`);
  const text = decodeUtf8(bytes);
  if (text === null) return whole('not_utf8', 'the payload is not UTF-8');
  const json = parseJson(text);
  if (json.kind === 'invalid') return whole('not_json', json.detail);
  return parseMessages(towerId, json.value, bytes, event.receivedAt);
}

function parseMessages(towerId: string, value: unknown, bytes: Buffer, receivedAtMs: number): Publication {
  const isArray = Array.isArray(value);
  const elements: unknown[] = isArray ? value : [value];
  const publication: Publication = { towerId, isArray, accepted: [], rejected: [], seqs: [], repeated: 0 };
  const seen = new Set<string>();
  for (const [index, element] of elements.entries()) {
    const raw = () => (isArray ? (writeJson(element) ?? bytes) : bytes);
    const envelope = EnvelopeSchema.safeParse(element);
    if (envelope.success) {
      const { boot, seq, type } = envelope.data;
      publication.seqs.push({ boot, seq, isStart: type === 'tower.started' });
    }
    const parsed = parseMessage(element, receivedAtMs);
    if (parsed.kind === 'rejected') {
      publication.rejected.push({ index, reason: parsed.reason, detail: parsed.detail, raw: raw() });
    } else if (seen.has(nameOf(parsed.message, parsed.at))) {
      publication.repeated += 1;
    } else {
      seen.add(nameOf(parsed.message, parsed.at));
      publication.accepted.push({ index, message: parsed.message, at: parsed.at, raw });
    }
  }
  return publication;
}

type ParsedMessage =
  | { kind: 'accepted'; message: TowerMessage; at: Instant }
  | { kind: 'rejected'; reason: QuarantineReason; detail: string };

const rejected = (reason: QuarantineReason, detail: string): ParsedMessage => ({
  kind: 'rejected',
  reason,
  detail: detail.slice(0, 500),
});

function parseMessage(element: unknown, receivedAtMs: number): ParsedMessage {
  if (typeof element !== 'object' || element === null || Array.isArray(element)) {
    return rejected('not_object', 'a message is a JSON object');
  }
  if ('type' in element && typeof element.type === 'string' && !knownTypes.has(element.type)) {
    return rejected('unknown_type', element.type);
  }
  const parsed = TowerMessageSchema.safeParse(element);
  if (!parsed.success) {
    const issues = parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
    return rejected('invalid_message', issues.join('; '));
  }
  const message = parsed.data;
  // Half a surrogate pair has no UTF-8: DynamoDB would refuse the whole transaction.
  if (Object.values(message).some((value) => typeof value === 'string' && !value.isWellFormed())) {
    return rejected('invalid_message', 'not well-formed Unicode');
  }
  const clockMs = Date.parse(message.at);
  if (clockMs - receivedAtMs > maxClockAheadMs) return rejected('clock_ahead', message.at);
  // Also for what Date can't read, and before what toInstant can't write.
  if (!(clockMs >= Date.parse(earliest))) return rejected('clock_implausible', message.at);
  const at = toInstant(message.at);
  return compareInstants(at, earliest) < 0
    ? rejected('clock_implausible', message.at)
    : { kind: 'accepted', message, at };
}

function towerOfTopic(topic: string): string | null {
  const name = TowerIdSchema.safeParse(/^towers\/([^/]+)\/events$/.exec(topic)?.[1]);
  return name.success ? name.data : null;
}

function decodeUtf8(bytes: Buffer): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return null;
  }
}

function parseJson(text: string): { kind: 'value'; value: unknown } | { kind: 'invalid'; detail: string } {
  try {
    return { kind: 'value', value: JSON.parse(text) };
  } catch (error) {
    return { kind: 'invalid', detail: error instanceof Error ? error.message.slice(0, 200) : '' };
  }
}

/** Null for what nests too deep to be written. */
function writeJson(value: unknown): Buffer | null {
  try {
    return Buffer.from(JSON.stringify(value));
  } catch {
    return null;
  }
}

/** What an event is named by: a second message of that name is the same event (see schemas/event-id.ts). */
const nameOf = (message: TowerMessage, at: Instant): string =>
  `${message.boot}|${message.seq}|${Date.parse(at)}|${subjectOf(message)}`;

function subjectOf(message: TowerMessage): string | number {
  if ('locker' in message) return message.locker;
  if ('positionId' in message) return `position~${message.positionId}`;
  if ('queue' in message) return 'walk-in';
  // Only its key may tell the lock, and one transaction can't hold an event twice: of these, boot and seq must do.
  return 'keyId' in message ? 'lock' : 0;
}
