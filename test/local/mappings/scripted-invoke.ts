import type { Json } from '../../../local/intrinsics.ts';

/** A function that throws, where another would answer. */
export const throws = Symbol('throws');
export type Scripted = Json | typeof throws;

/** What a mapping's invoke gives for it. */
export const resultOf = (response: Scripted) =>
  response === throws
    ? ({ ok: false, error: { errorType: 'Error', errorMessage: 'no' } } as const)
    : ({ ok: true, payload: response } as const);
