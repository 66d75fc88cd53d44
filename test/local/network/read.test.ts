import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { NetworkFileError, parseNetwork, readNetworkFile } from '../../../local/network/read.ts';

const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';

const towers = [{ towerId: '0000000000000001', lockers: [{ locker: 9 }, { locker: 10 }] }];
const partners = [{ partnerId: 'one' }];
const endpoint = {
  endpointId: 'one-standard',
  partnerId: 'one',
  url: 'https://partner.example/hook',
  contract: 'standard',
  secret,
};
const reservation = {
  reservationId: 'RES-1',
  partnerId: 'one',
  towerId: '0000000000000001',
  locker: 9,
  flowType: 'OUTLET',
  barcode: '123',
};

/** The mistakes of a file, as `path: message`. */
function mistakesIn(file: unknown): string[] {
  try {
    parseNetwork(typeof file === 'string' ? file : JSON.stringify(file), 'network.json');
  } catch (error) {
    if (error instanceof NetworkFileError)
      return error.mistakes.map(({ path, message }) => `${path}: ${message}`);
    throw error;
  }
  return [];
}

const withEndpoint = (changes: object) => ({ towers, partners, endpoints: [{ ...endpoint, ...changes }] });
const withReservation = (changes: object) => ({
  towers,
  partners,
  reservations: [{ ...reservation, ...changes }],
});

const key = { ...reservation, keyId: 'K', lockId: 'L', origin: 'app', appUserId: '', userName: '' };
const { reservationId: _r, flowType: _f, barcode: _b, ...oneKey } = key;

describe('a network file', () => {
  it('is as the documentation shows it', async () => {
    const page = await readFile(new URL('../../../docs/network-file.md', import.meta.url), 'utf8');
    const example = /```json\n(.*?)```/s.exec(page)?.[1] ?? '';
    const network = parseNetwork(example, 'docs/network-file.md');
    expect(network.endpoints).toHaveLength(3);
    expect(network.lockerOpenRequests[0]?.tokens).toEqual([{ tokenId: 52, clientInfo: 'Luis' }]);
  });

  it('may be empty, and fills in what is left out', () => {
    expect(parseNetwork('{}', 'f').towers).toEqual([]);
    const { endpoints, reservations } = parseNetwork(
      JSON.stringify({ ...withEndpoint({}), reservations: [reservation] }),
      'f',
    );
    expect(endpoints[0]).toEqual({
      ...endpoint,
      auth: { type: 'none' },
      method: 'POST',
      detail: 'full',
      filter: {},
    });
    expect(reservations[0]?.status).toBe('RESERVED');
  });

  it('reports every mistake at once, in a message to be shown as it is', () => {
    const file = {
      towers: [{ towerId: 'a b', lockers: [{ locker: 0 }], colour: 'red' }],
      partners,
      endpoints: [{ ...endpoint, url: 'http://partner.example/hook' }],
      reservations: [{ ...reservation, barcode: 7 }],
    };
    expect(() => parseNetwork(JSON.stringify(file), 'network.json')).toThrow(
      [
        'network.json has 6 mistakes:',
        '  towers[0].towerId: must be 1-64 of A-Z a-z 0-9 : _ -',
        '  towers[0].lockers[0].locker: must be at least 1',
        '  towers[0].colour: is not a field here: remove it or correct its name (docs/network-file.md lists the fields)',
        '  reservations[0].barcode: must be text in quotes',
        '  reservations[0].towerId: "0000000000000001" is no tower of this file: add it to towers, or use a b',
        '  endpoints[0].url: plain http is for this machine only: use https, or a loopback address such as 127.0.0.1',
      ].join('\n'),
    );
  });

  it.each([
    ['an unknown tower', withReservation({ towerId: 'x' }), 'reservations[0].towerId: "x" is no tower'],
    [
      'an unknown locker',
      withReservation({ locker: 11 }),
      'reservations[0].locker: tower 0000000000000001 has no locker 11',
    ],
    [
      'an unknown partner',
      withReservation({ partnerId: 'two' }),
      'reservations[0].partnerId: "two" is no partner',
    ],
    [
      'EXPIRED',
      withReservation({ status: 'EXPIRED' }),
      'reservations[0].status: must be one of "NEW", "RESERVED"',
    ],
    [
      'a bad date',
      withReservation({ expirationDate: 'soon' }),
      'reservations[0].expirationDate: must be a time such as',
    ],
    [
      'a missing field',
      withReservation({ barcode: undefined }),
      'reservations[0].barcode: is missing: it must be text',
    ],
    [
      'a partner of a tower',
      { towers: [{ ...towers[0], partnerIds: ['two'] }] },
      'towers[0].partnerIds[0]: "two" is no partner of this file: add it to partners',
    ],
    [
      'an endpoint of nobody',
      withEndpoint({ partnerId: 'two' }),
      'endpoints[0].partnerId: "two" is no partner',
    ],
    [
      'another scheme',
      withEndpoint({ url: 'ftp://partner.example' }),
      'endpoints[0].url: must be an https URL',
    ],
    [
      'plain http elsewhere',
      withEndpoint({ url: 'http://127.0.0.1.example/' }),
      'endpoints[0].url: plain http',
    ],
    [
      'credentials in a URL',
      withEndpoint({ url: 'https://u:p@partner.example' }),
      'endpoints[0].url: must not contain credentials',
    ],
    [
      'an integration of another contract',
      withEndpoint({ integration: { name: 'x', departmentId: 'd', apiVersion: 'v1' } }),
      'endpoints[0].integration: is for the contract "message-pointer"',
    ],
    [
      'an ordered endpoint whose messages are read',
      withEndpoint({ contract: 'message-pointer', ordered: true }),
      'endpoints[0].ordered: is not for "message-pointer"',
    ],
    [
      'an ordered endpoint with a delay before the first attempt',
      withEndpoint({ ordered: true, scheduleSeconds: [5, 10] }),
      'endpoints[0].scheduleSeconds: must begin with 0',
    ],
    [
      'an operational endpoint of another contract',
      withEndpoint({ contract: 'queue-position', operational: true }),
      'endpoints[0].operational: is for the contracts "standard" and "cloudevents"',
    ],
    [
      'a short secret',
      withEndpoint({ secret: 'whsec_AAAA' }),
      'endpoints[0].secret: must be "whsec_" and 24 to 64 bytes',
    ],
    [
      'an unknown contract',
      withEndpoint({ contract: 'soap' }),
      'endpoints[0].contract: must be one of "standard"',
    ],
    [
      'an unknown auth',
      withEndpoint({ auth: { type: 'digest' } }),
      'endpoints[0].auth.type: must be one of "none", "bearer", "basic"',
    ],
    [
      'an unknown type',
      withEndpoint({ filter: { types: ['locker.open'] } }),
      'endpoints[0].filter.types[0]: "locker.open" matches no event type: use locker.assigned',
    ],
    [
      'an unknown family',
      withEndpoint({ filter: { types: ['door.*'] } }),
      'endpoints[0].filter.types[0]: "door.*" matches no event type: use reservation.*',
    ],
    [
      'a filter that the contract can’t pass',
      withEndpoint({ contract: 'locker-open', filter: { types: ['reservation.*'] } }),
      'endpoints[0].filter.types: lets nothing through',
    ],
    [
      'an unknown tower in a filter',
      withEndpoint({ filter: { towerIds: ['x'] } }),
      'endpoints[0].filter.towerIds[0]: "x" is no tower',
    ],
    [
      'an unknown locker in a filter',
      withEndpoint({ filter: { lockers: [11] } }),
      'endpoints[0].filter.lockers[0]: no tower',
    ],
    [
      'detail where there is none',
      withEndpoint({ contract: 'locker-open', detail: 'thin' }),
      'endpoints[0].detail: is for the contracts "standard" and "cloudevents"',
    ],
    [
      'an unknown field deep inside',
      withEndpoint({ filter: { tower: [] } }),
      'endpoints[0].filter.tower: is not a field',
    ],
    ['a list that is none', { partners: {} }, 'partners: must be a list'],
    ['an entry that is none', { partners: ['one'] }, 'partners[0]: must be an object'],
    ['a list as a whole', [], ': must be an object'],
    ['text that is not JSON', '{"towers":', ': is not JSON'],
  ])('refuses %s, and says so once', (_, file, expected) => {
    const mistakes = mistakesIn(file);
    expect(mistakes).toHaveLength(1);
    expect(mistakes[0]).toContain(expected);
  });

  it('accepts plain http to this machine', () => {
    for (const url of ['http://127.0.0.1:9/x', 'http://localhost:9', 'http://[::1]:9/', 'http://127.1/'])
      expect(mistakesIn(withEndpoint({ url }))).toEqual([]);
  });

  it('refuses an id that is used twice, wherever ids must differ', () => {
    const request = {
      requestId: 1,
      partnerId: 'one',
      towerId: '0000000000000001',
      locker: 9,
      flow: 'pickup',
    };
    const mistakes = mistakesIn({
      towers: [towers[0], { towerId: '0000000000000001', lockers: [{ locker: 9 }, { locker: 9 }] }],
      partners: [...partners, ...partners],
      endpoints: [endpoint, endpoint],
      reservations: [reservation, reservation],
      lockerOpenRequests: [
        { ...request, tokens: [{ tokenId: 5 }] },
        { ...request, tokens: [{ tokenId: 5 }] },
      ],
      keys: [oneKey, oneKey],
    });
    expect(mistakes.map((mistake) => mistake.split(':')[0])).toEqual([
      'towers[1].towerId',
      'towers[1].lockers[1].locker',
      'partners[1].partnerId',
      'endpoints[1].endpointId',
      'reservations[1].reservationId',
      'lockerOpenRequests[1].requestId',
      'lockerOpenRequests[1].tokens[0].tokenId',
      'keys[1].keyId',
    ]);
    expect(mistakes[2]).toContain('"one" is taken by partners[0].partnerId');
  });

  it('finds keys of one lock that do not agree where, whose and what it is', () => {
    const mistakes = mistakesIn({
      towers,
      partners,
      keys: [
        { ...oneKey, keyId: 'K-0' },
        { ...oneKey, keyId: 'K-1', lockName: 'Gate' },
        { ...oneKey, keyId: 'K-2', lockName: 'Door' },
        { ...oneKey, keyId: 'K-3', locker: 10 },
      ],
    });
    expect(mistakes.filter((mistake) => mistake.includes('says otherwise'))).toEqual([
      expect.stringMatching(/^keys\[2\]\.lockName: keys\[1\] says otherwise of lock/),
      expect.stringMatching(/^keys\[3\]\.locker: keys\[0\] says otherwise of lock/),
    ]);
  });

  it('is named in the error when it can’t be read', async () => {
    await expect(readNetworkFile('/nowhere/network.json')).rejects.toThrow(
      /^\/nowhere\/network\.json has 1 mistake:\n {2}can't be read/,
    );
  });

  it('never shows a secret in an error', () => {
    const mistakes = mistakesIn(
      withEndpoint({ secret: `${secret}!`, auth: { type: 'bearer', token: 'tôken' } }),
    );
    expect(mistakes).toHaveLength(2);
    expect(mistakes.join('\n')).not.toMatch(/MfKQ|tôken/);
  });
});
