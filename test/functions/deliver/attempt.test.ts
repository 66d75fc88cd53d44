import { describe, expect, it } from 'vitest';
import { makeAttempt } from '../../../functions/deliver/attempt.ts';
import type { PostRequest } from '../../../functions/deliver/http-client.ts';
import type { EndpointSecrets } from '../../../schemas/endpoint.ts';
import { makeEvent } from '../../helpers/deliveries.ts';
import { nowMs, responds, signingSecret } from './world.ts';

const older = `whsec_${Buffer.alloc(32, 'older').toString('base64')}`;
const basic: EndpointSecrets['auth'] = { type: 'basic', username: 'myuser', password: 'mypasswoord' };

/** One attempt, to a partner that answers with `answer`. */
async function attempt(
  changes: Partial<EndpointSecrets> = {},
  event = makeEvent(),
  answer = '',
  url = 'https://partner.example/hooks',
) {
  const posts: PostRequest[] = [];
  const secrets = { signingKeys: [{ key: signingSecret, notAfter: null }], auth: basic, ...changes };
  const made = await makeAttempt(
    {
      http: {
        async post(request) {
          posts.push(request);
          return responds(500, answer);
        },
      },
      now: () => nowMs,
    },
    {
      number: 1,
      event,
      endpoint: { url },
      rendering: { method: 'POST', headers: {}, body: Buffer.from('{}') },
      secrets,
    },
  );
  return {
    headers: posts[0]?.headers ?? {},
    excerpt: made.attempt.responseExcerpt ?? '',
    made: made.attempt,
  };
}

/** How many keys sign when the older one ends at this time. */
async function signatures(notAfterMs: number): Promise<number | undefined> {
  const notAfter = new Date(notAfterMs).toISOString();
  const signingKeys = [
    { key: signingSecret, notAfter: null },
    { key: older, notAfter },
  ];
  return (await attempt({ signingKeys })).headers['webhook-signature']?.split(' ').length;
}

describe('an attempt', () => {
  it('carries Basic credentials as the partner document shows them', async () => {
    expect((await attempt()).headers['authorization']).toBe('Basic bXl1c2VyOm15cGFzc3dvb3Jk');
  });

  it('is signed by each key whose end has not come, and by no other', async () => {
    expect(await signatures(nowMs + 1)).toBe(2);
    expect(await signatures(nowMs)).toBe(1);
  });

  it('is marked when it carries a sample, and only then', async () => {
    expect((await attempt()).headers).not.toHaveProperty('towercast-test');
    const sample = makeEvent({ test: { endpointId: 'main' } });
    expect((await attempt({}, sample)).headers).toMatchObject({ 'towercast-test': 'true' });
  });

  it.each<[string, EndpointSecrets['auth'], string]>([
    ['a user name without a password', { ...basic, username: 'sk', password: '' }, 'unknown key: sk'],
    ['a user name', basic, 'unknown user: myuser'],
    ['Basic credentials without the padding', { ...basic, password: 'mypassw' }, 'bXl1c2VyOm15cGFzc3c'],
    ['Basic credentials for URLs', { ...basic, password: '~~?>>' }, 'bXl1c2VyOn5-Pz4-'],
    ['a key without its prefix', { type: 'none' }, signingSecret.replace('whsec_', '')],
  ])('takes %s out of an answer', async (_, auth, answer) => {
    const { excerpt } = await attempt({ auth }, makeEvent(), `${answer}.`);
    expect(excerpt).toMatch(/^(unknown \w+: )?\[secret\]\.$/);
  });

  it('leaves a user name of fewer than four characters, which would be found anywhere', async () => {
    const { excerpt } = await attempt({ auth: { ...basic, username: 'api' } }, makeEvent(), 'rapid');
    expect(excerpt).toBe('rapid');
  });

  it('keeps no credential of an answer that repeats the request, expired keys included', async () => {
    const answer = `Basic bXl1c2VyOm15cGFzc3dvb3Jk, mypasswoord, ${signingSecret}, ${older}`;
    const signingKeys = [
      { key: signingSecret, notAfter: null },
      { key: older, notAfter: '2020-01-01T00:00:00.000Z' },
    ];
    const { excerpt } = await attempt({ signingKeys }, makeEvent(), answer);
    expect(excerpt).toBe('Basic [secret], [secret], [secret], [secret]');
  });

  it.each([
    ['https://partner.example/hooks', 'partner.example'],
    ['https://user:planted@Partner.Example:8443/planted?token=planted#planted', 'partner.example:8443'],
    ['https://[2606:4700:4700::1111]/', '[2606:4700:4700::1111]'],
    ['https://bücher.example/', 'xn--bcher-kva.example'],
  ])('keeps of the URL who was asked, and nothing that may be a secret: %s', async (url, host) => {
    const { made } = await attempt({}, makeEvent(), '', url);
    expect(made.host).toBe(host);
    expect(JSON.stringify(made)).not.toContain('planted');
  });

  it('keeps no host of what is no URL', async () => {
    expect((await attempt({}, makeEvent(), '', 'partner.example')).made).not.toHaveProperty('host');
  });

  it('keeps an answer as it is when a credential is empty', async () => {
    const { excerpt } = await attempt({ auth: { ...basic, password: '' } }, makeEvent(), 'oops');
    expect(excerpt).toBe('oops');
  });
});
