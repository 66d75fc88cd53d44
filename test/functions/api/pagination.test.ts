import { assert, property, string } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toPageBody, toPageRequest } from '../../../functions/api/pagination.ts';
import { Problem } from '../../../functions/api/problem.ts';

const cursorOf = (next: string, list: string): string =>
  toPageBody({ items: [], next }, list, () => null).nextCursor ?? '';

describe('a cursor', () => {
  it('leads to where the page ended, whatever the key', () => {
    assert(
      property(string({ minLength: 1, maxLength: 1_024 }), string(), (next, list) => {
        expect(toPageRequest({ limit: 7, cursor: cursorOf(next, list) }, list)).toEqual({
          limit: 7,
          after: next,
        });
      }),
    );
  });

  it('can go into a URL as it is', () => {
    assert(
      property(string({ minLength: 1 }), (next) => {
        expect(cursorOf(next, 'list')).toMatch(/^[\w-]+$/);
      }),
    );
  });

  it('is of one list only', () => {
    expect(() => toPageRequest({ limit: 7, cursor: cursorOf('key', 'mine') }, 'theirs')).toThrow(Problem);
  });

  it('that nobody gave is a mistake of the request, whatever it is', () => {
    assert(
      property(string({ minLength: 1 }), (cursor) => {
        expect(() => toPageRequest({ limit: 7, cursor }, 'list')).toThrow(
          expect.objectContaining({ status: 400, code: 'validation_failed' }),
        );
      }),
    );
  });

  it.each([
    ['half of a surrogate pair', '\ud800'],
    ['more bytes than a key has', '€'.repeat(400)],
    ['nothing', ''],
  ])('that holds no key of the database is one, too: %s', (_, key) => {
    const cursor = Buffer.from(JSON.stringify(['list', key])).toString('base64url');
    expect(() => toPageRequest({ limit: 7, cursor }, 'list')).toThrow(
      expect.objectContaining({ status: 400, code: 'validation_failed' }),
    );
  });

  it('is null after the last page', () => {
    expect(toPageBody({ items: [1, 2], next: null }, 'list', String)).toEqual({
      items: ['1', '2'],
      nextCursor: null,
    });
  });
});
