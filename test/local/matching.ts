import { expect } from 'vitest';

// Vitest types its matchers as `any`; here they are values that nobody looks into.

export const containing = (text: string): unknown => expect.stringContaining(text);

export const anyArray = (): unknown => expect.any(Array);

export const anyNumber = (): unknown => expect.any(Number);
