import * as z from 'zod';

/** Environment variables are text; these read the kinds of text that our functions use. */
export const textNumber = (schema: z.ZodNumber) => z.string().transform(Number).pipe(schema);
export const textFlag = z.enum(['true', 'false']).transform((value) => value === 'true');
export const textJson = <T extends z.ZodType>(schema: T) =>
  z
    .string()
    .transform((text, context): unknown => {
      try {
        return JSON.parse(text);
      } catch {
        context.addIssue({ code: 'custom', message: 'must be JSON' });
        return z.NEVER;
      }
    })
    .pipe(schema);

/** The environment of this process, parsed. Throws a ZodError that names each variable at fault. */
export function parseEnv<T extends z.ZodType>(schema: T): z.output<T> {
  return schema.parse(process.env);
}
