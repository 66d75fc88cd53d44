import type { HttpService } from './http-server.ts';

/** A message for the broker, whoever sent it. */
export interface Publication {
  readonly topic: string;
  readonly payload: Buffer;
  readonly qos: 0 | 1;
  readonly retain: boolean;
}

const maxPayloadBytes = 128 * 1024;

/** Publish of the IoT data plane: POST /topics/{topic}?qos=1&retain=true. Source: IoT data plane API, Publish. */
export function createIotData(publish: (publication: Publication) => Promise<void>): HttpService {
  return async (request, payload) => {
    const url = new URL(request.url ?? '/', 'http://localhost');
    if (request.method !== 'POST' || !url.pathname.startsWith('/topics/')) return undefined;
    const topic = decodeURIComponent(url.pathname.slice('/topics/'.length));
    if (payload.length > maxPayloadBytes) return { status: 413, body: { message: 'payload exceeds 128 KB' } };
    if (topic === '' || /[+#]/.test(topic)) return { status: 400, body: { message: 'invalid topic' } };
    const { searchParams } = url;
    await publish({
      topic,
      payload,
      qos: searchParams.get('qos') === '1' ? 1 : 0,
      retain: searchParams.get('retain') === 'true',
    });
    return { status: 200, body: { message: 'OK' } };
  };
}
