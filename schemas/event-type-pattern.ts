/** Whether an endpoint's filter entry is about this event type: `reservation.*` covers its family, others themselves. */
export const coversType = (pattern: string, type: string): boolean =>
  pattern.endsWith('.*') ? type.startsWith(pattern.slice(0, -1)) : pattern === type;
