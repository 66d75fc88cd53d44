import { createAwsClient, type AwsClientOptions } from './client.ts';

export interface IotDataClient {
  /** With QoS 1. Throws AwsError when the broker did not take it. */
  publish(topic: string, payload: string): Promise<void>;
  destroy(): void;
}

/**
 * Tries twice only: what goes down is a courtesy, which is asked for again with the next heartbeat, and no event may
 * wait for it long.
 */
export function createIotDataClient(options: AwsClientOptions = {}): IotDataClient {
  const client = createAwsClient('iotdata', { maxAttempts: 2, ...options });
  return {
    async publish(topic, payload) {
      await client.call({
        path: `/topics/${encodeTopic(topic)}?qos=1`,
        headers: { 'content-type': 'application/octet-stream' },
        body: payload,
      });
    },
    destroy: () => client.close(),
  };
}

/** Its slashes too: the topic is one piece of the path. RFC 3986 reserves more than encodeURIComponent thinks. */
const encodeTopic = (topic: string): string =>
  encodeURIComponent(topic).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
