/** `towerId`, `Idempotency-Key` and `Locker open` as people type them: `tower-id`, `idempotency-key`, `locker-open`. */
export const kebabCase = (text: string): string =>
  text
    .replaceAll(/([a-z0-9])([A-Z])/g, '$1-$2')
    .replaceAll(/[\s_.]+/g, '-')
    .toLowerCase();

export const singular = (word: string): string => word.replace(/ies$/, 'y').replace(/s$/, '');
