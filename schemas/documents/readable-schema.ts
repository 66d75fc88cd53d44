/** The parts of a JSON schema that are made readable. */
interface RenderedSchema {
  maximum?: number | undefined;
  minimum?: number | undefined;
  pattern?: string | undefined;
  format?: string | undefined;
}

/** Formats whose pattern only says again, at length, what the format's name says. */
const selfExplanatory = new Set(['date-time', 'date', 'uuid', 'uri', 'email']);

/**
 * For the `override` of zod's JSON schemas: leaves out what is there for machines only. The bounds of safe integers
 * and a screen of regular expression for a leap year tell a reader nothing.
 */
export function makeReadable(schema: RenderedSchema): void {
  if (schema.maximum === Number.MAX_SAFE_INTEGER) delete schema.maximum;
  if (schema.minimum === Number.MIN_SAFE_INTEGER) delete schema.minimum;
  if (schema.format !== undefined && selfExplanatory.has(schema.format)) delete schema.pattern;
}
