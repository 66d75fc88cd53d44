/** A text as somebody would read it who undoes an escaping, and where each unit of it stood in the text as sent. */
interface Reading {
  text: string;
  /** One more than units: the last is the end. */
  starts: readonly number[];
}

/** A secret, and what is needed to find it: see `patternOf`. */
interface Pattern {
  text: string;
  shorter: readonly number[];
}

type Span = [from: number, to: number];

/** A way to write characters otherwise: what stands for one, and what it stands for; null when it is nothing after all. */
interface Escaping {
  pattern: RegExp;
  decode: (escaped: string) => string | null;
}

const percent = /%[0-7][0-9a-f]|%[c-f][0-9a-f](?:%[89ab][0-9a-f]){1,3}/gi;
const entities = new Map([
  ['&amp;', '&'],
  ['&lt;', '<'],
  ['&gt;', '>'],
  ['&quot;', '"'],
  ['&apos;', "'"],
]);

/** In which servers show what they were sent: JSON and program text, URLs, forms, HTML. */
const escapings: readonly Escaping[] = [
  { pattern: /\\(?:u[0-9a-f]{4}|x[0-9a-f]{2}|["'\\/])/gi, decode: decodeBackslash },
  { pattern: percent, decode: decodePercent },
  {
    pattern: new RegExp(`\\+|${percent.source}`, 'gi'),
    decode: (escaped) => (escaped === '+' ? ' ' : decodePercent(escaped)),
  },
  { pattern: /&(?:#\d{1,7}|#x[0-9a-f]{1,6}|amp|lt|gt|quot|apos);/gi, decode: decodeEntity },
];

/** Of a secret, at the end of a text. Fewer characters than these tell nothing, and occur anyway. */
const shortestBeginning = 4;

/** JSON within JSON, a URL within HTML. */
const maxDepth = 2;

/**
 * Takes secrets out of a text that may repeat them, as they are or escaped. It undoes escapings in the text, and does not
 * look for escaped secrets, since one character may be written in many ways; its time grows with the text's length only.
 * Where the text was cut off, what it ends with may be the beginning of a secret: that goes too.
 */
export function maskSecrets(
  text: string,
  secrets: readonly string[],
  { isCutOff }: { isCutOff: boolean } = { isCutOff: false },
): string {
  const wanted = [...new Set(secrets)].filter((secret) => secret !== '').map(patternOf);
  const spans = readingsOf({ text, starts: Array.from({ length: text.length + 1 }, (_, at) => at) }, 0)
    .flatMap((reading) => wanted.flatMap((secret) => spansOf(reading, secret, isCutOff)))
    .toSorted(([a], [b]) => a - b);
  let masked = '';
  let end = 0;
  for (const [from, to] of spans) {
    // It overlaps the one before.
    if (from >= end) masked += `${text.slice(end, from)}[secret]`;
    end = Math.max(end, to);
  }
  return masked + text.slice(end);
}

function readingsOf(reading: Reading, depth: number): Reading[] {
  if (depth === maxDepth) return [reading];
  const others = escapings.map((escaping) => undo(reading, escaping));
  return [reading, ...others.flatMap((other) => (other === null ? [] : readingsOf(other, depth + 1)))];
}

/** Null when nothing is escaped so. */
function undo({ text, starts }: Reading, { pattern, decode }: Escaping): Reading | null {
  const parts: string[] = [];
  const partStarts: number[] = [];
  let end = 0;
  for (const { 0: escaped, index } of text.matchAll(pattern)) {
    const meant = decode(escaped);
    if (meant === null) continue;
    parts.push(text.slice(end, index), meant);
    for (let at = end; at < index; at += 1) partStarts.push(starts[at] ?? 0);
    for (let unit = 0; unit < meant.length; unit += 1) partStarts.push(starts[index] ?? 0);
    end = index + escaped.length;
  }
  if (parts.length === 0) return null;
  for (let at = end; at < starts.length; at += 1) partStarts.push(starts[at] ?? 0);
  return { text: parts.join('') + text.slice(end), starts: partStarts };
}

/** Where the secret stands in the text; where that was cut off, also where it ends with the beginning of one. */
function spansOf({ text, starts }: Reading, secret: Pattern, isCutOff: boolean): Span[] {
  const spans: Span[] = [];
  const spanTo = (end: number, length: number): Span => [starts[end - length] ?? 0, starts[end] ?? 0];
  // A character that the cut has split reads as U+FFFD.
  const { length } = isCutOff ? text.replace(/\uFFFD+$/, '') : text;
  let matched = 0;
  for (let at = 0; at < length; at += 1) {
    const unit = text.charCodeAt(at);
    while (matched > 0 && secret.text.charCodeAt(matched) !== unit) matched = secret.shorter[matched] ?? 0;
    if (secret.text.charCodeAt(matched) === unit) matched += 1;
    if (matched < secret.text.length) continue;
    spans.push(spanTo(at + 1, matched));
    matched = secret.shorter[matched] ?? 0;
  }
  if (isCutOff && matched >= shortestBeginning)
    spans.push([starts[length - matched] ?? 0, starts[text.length] ?? 0]);
  return spans;
}

/**
 * Knuth, Morris and Pratt: for each of its beginnings, by length, how long the longest shorter one is that it ends with. So no
 * unit of a text is looked at more than twice, whatever a receiver has made of both.
 */
function patternOf(text: string): Pattern {
  const shorter = [0, 0];
  for (let at = 1; at < text.length; at += 1) {
    let length = shorter[at] ?? 0;
    while (length > 0 && text.charCodeAt(length) !== text.charCodeAt(at)) length = shorter[length] ?? 0;
    shorter.push(text.charCodeAt(length) === text.charCodeAt(at) ? length + 1 : 0);
  }
  return { text, shorter };
}

function decodeBackslash(escaped: string): string | null {
  const isHex = escaped.length > 2;
  return isHex ? String.fromCharCode(Number.parseInt(escaped.slice(2), 16)) : escaped.slice(1);
}

function decodePercent(escaped: string): string | null {
  try {
    return decodeURIComponent(escaped);
  } catch {
    return null;
  }
}

function decodeEntity(escaped: string): string | null {
  const named = entities.get(escaped.toLowerCase());
  if (named !== undefined) return named;
  const digits = escaped.slice(2, -1);
  const codePoint = /^x/i.test(digits) ? Number.parseInt(digits.slice(1), 16) : Number(digits);
  return codePoint <= 0x10ffff ? String.fromCodePoint(codePoint) : null;
}
