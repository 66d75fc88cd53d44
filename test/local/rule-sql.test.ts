import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { matchesTopic, parseRuleSql } from '../../local/rule-sql.ts';
import { StartError } from '../../local/start-error.ts';

const version = '2016-03-23';
const message = {
  topic: 'towers/0000000000000001/events',
  clientId: '0000000000000001',
  payload: Buffer.from([0xff, 0, 0x7b]),
  receivedAt: 1_774_000_000_000,
  traceId: 'trace',
};

const cased = (word: string) => fc.constantFrom(word, word.toUpperCase());

describe("a rule's SQL", () => {
  it('selects what its functions say, under the names that it gives', () => {
    const query = parseRuleSql(
      "SELECT encode(*, 'base64') AS payload, topic() AS topic, clientid() AS clientId, timestamp() AS receivedAt, traceid() AS traceId FROM 'towers/+/events'",
      version,
    );
    expect(query.topicFilter).toBe('towers/+/events');
    expect(query.select(message)).toEqual({
      payload: '/wB7',
      topic: message.topic,
      clientId: message.clientId,
      receivedAt: message.receivedAt,
      traceId: 'trace',
    });
  });

  it('means the same in any case and with any blanks', () => {
    const blanks = fc.stringMatching(/^[ \n\t]{0,3}$/);
    fc.assert(
      fc.property(
        blanks,
        cased('encode'),
        cased('select'),
        cased('from'),
        cased('as'),
        (gap, encode, select, from, as) => {
          const sql = `${gap}${select} ${gap}${encode}(${gap}*${gap},${gap}'base64'${gap}) ${as} x${gap},${gap}topic(${gap}) ${as} y ${from} 'a/b'${gap}`;
          expect(parseRuleSql(sql, version).select(message)).toEqual({ x: '/wB7', y: message.topic });
        },
      ),
    );
  });

  it.each([
    ["SELECT * FROM 'a'", '*'],
    ["SELECT topic(2) AS t FROM 'a'", 'topic(2)'],
    ["SELECT encode(*, 'hex') AS p FROM 'a'", "encode(*, 'hex')"],
    ["SELECT encode(*, 'BASE64') AS p FROM 'a'", "encode(*, 'BASE64')"],
    ["SELECT topic() FROM 'a'", 'without AS'],
    ["SELECT topic() AS t, clientid() AS t FROM 'a'", 'same name twice'],
    ["SELECT topic() AS t FROM 'a' WHERE locker > 3", 'WHERE locker > 3'],
    ["SELECT topic() AS t FROM 'a/#/b'", "'a/#/b'"],
    ["SELECT topic() AS t FROM 'a/b+'", "'a/b+'"],
    ["SELECT payload.x AS x FROM 'a'", 'payload.x'],
    ['DELETE FROM towers', 'DELETE'],
  ])('refuses %s, and says why', (sql, reason) => {
    expect(() => parseRuleSql(sql, version)).toThrow(StartError);
    expect(() => parseRuleSql(sql, version)).toThrow(reason);
  });

  it('refuses another SQL version', () => {
    expect(() => parseRuleSql("SELECT topic() AS t FROM 'a'", '2015-10-08')).toThrow('2015-10-08');
  });
});

describe('a topic filter', () => {
  const level = fc.stringMatching(/^[a-z0-9]{1,4}$/);
  const topic = fc.array(level, { minLength: 1, maxLength: 6 });

  it('matches itself, with + for any level, and with # for any levels below', () => {
    fc.assert(
      fc.property(topic, fc.nat(), (levels, at) => {
        const text = levels.join('/');
        const index = at % levels.length;
        expect(matchesTopic(text, text)).toBe(true);
        expect(matchesTopic(levels.with(index, '+').join('/'), text)).toBe(true);
        expect(matchesTopic([...levels.slice(0, index), '#'].join('/'), text)).toBe(true);
        expect(matchesTopic(`${text}/#`, text)).toBe(true);
      }),
    );
  });

  it('matches no topic with another level, or with more or fewer of them', () => {
    fc.assert(
      fc.property(topic, level, fc.nat(), (levels, other, at) => {
        const index = at % levels.length;
        fc.pre(levels[index] !== other);
        const text = levels.join('/');
        expect(matchesTopic(levels.with(index, other).join('/'), text)).toBe(false);
        expect(matchesTopic(`${text}/+`, text)).toBe(false);
        expect(matchesTopic(text, `${text}/${other}`)).toBe(false);
      }),
    );
  });

  it('reaches no topic that begins with $ by a wildcard', () => {
    expect(matchesTopic('#', '$aws/rules/x')).toBe(false);
    expect(matchesTopic('+/rules/x', '$aws/rules/x')).toBe(false);
  });
});
