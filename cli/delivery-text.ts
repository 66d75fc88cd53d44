import * as z from 'zod';
import { meaningOf2xx } from '../schemas/proof.ts';
import { plain, readable } from './output.ts';

const AttemptSchema = z.looseObject({
  number: z.int(),
  at: z.string(),
  outcome: z.string(),
  status: z.int().nullish(),
  reason: z.string().nullish(),
  durationMs: z.number(),
  host: z.string().nullish(),
  peerAddress: z.string().nullish(),
  connection: z
    .looseObject({
      port: z.int(),
      reused: z.boolean(),
      tls: z.looseObject({ protocol: z.string(), certificateSha256: z.string().nullish() }).nullish(),
    })
    .nullish(),
  times: z.record(z.string(), z.number().nullable()).nullish(),
  requestSha256: z.string().nullish(),
  responseSha256: z.string().nullish(),
  responseExcerpt: z.string().nullish(),
  responseTruncated: z.boolean().nullish(),
});
type Attempt = z.infer<typeof AttemptSchema>;

const DeliverySchema = z.looseObject({ attempts: z.array(AttemptSchema) });

/** A sentence a line. */
const meaning = meaningOf2xx.replaceAll('. ', '.\n');

/** A delivery as people read it, attempt by attempt; null for what is none. */
export function deliveryText(body: unknown, columns: number): string | null {
  const { data } = DeliverySchema.safeParse(body);
  if (data === undefined) return null;
  const { attempts, ...rest } = data;
  return [readable(rest, columns), ...attempts.map(attemptText), meaning].join('\n\n');
}

function attemptText(attempt: Attempt): string {
  const { number, at, outcome, reason, requestSha256, responseExcerpt } = attempt;
  // Whatever became of it, it was not noted: to print what the record lacks as what did not happen would be wrong.
  const isUnknown = outcome === 'crashed';
  const rows = isUnknown
    ? ([['', unknown]] as const)
    : ([
        // Records of before there was one have none.
        ['host', plain(attempt.host ?? '')],
        ['peer', peerText(attempt)],
        ['times', timesText(attempt)],
        ['request', digest(requestSha256)],
        ['response', responseText(attempt)],
        [
          '',
          responseExcerpt === null || responseExcerpt === undefined
            ? ''
            : JSON.stringify(plain(responseExcerpt)),
        ],
      ] as const);
  return [
    `ATTEMPT ${number}  ${[at, outcome, ...(reason ? [reason] : [])].map(plain).join('  ')}`,
    ...rows.filter(([, text]) => text !== '').map(([name, text]) => `  ${name.padEnd(8)}  ${text}`),
  ].join('\n');
}

const unknown =
  'unknown: the function failed before it could note what came of the request, which may have arrived';

function peerText({ peerAddress, connection }: Attempt): string {
  if (!peerAddress) return 'none: no connection was made';
  const address = plain(peerAddress);
  // Records of before there was more.
  if (!connection) return address;
  const { port, reused, tls } = connection;
  return [
    `${address.includes(':') ? `[${address}]` : address}:${port}`,
    ...(tls
      ? [plain(tls.protocol), `certificate ${digest(tls.certificateSha256) || 'unknown'}`]
      : ['no TLS']),
    reused ? 'kept connection' : 'new connection',
  ].join(', ');
}

const phases = { dns: 'dns', connect: 'connect', tls: 'tls', firstByte: 'first byte' } as const;

/** Each counted from the start. */
function timesText({ times, durationMs }: Attempt): string {
  const reached = Object.entries(phases).flatMap(([phase, name]) => {
    const ms = times?.[phase];
    return ms === null || ms === undefined ? [] : [`${name} ${ms}`];
  });
  return `${[...reached, `end ${durationMs}`].join(', ')} (ms from the start)`;
}

const responseText = ({ status, responseSha256, responseTruncated }: Attempt): string =>
  status === null || status === undefined
    ? 'none'
    : [String(status), digest(responseSha256), responseTruncated === true ? 'of what was read' : '']
        .filter(Boolean)
        .join(', ');

const digest = (hex: string | null | undefined): string => (hex ? `sha256 ${plain(hex)}` : '');
