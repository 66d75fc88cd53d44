import { MessageResourceSchema } from '../../schemas/api/booking.ts';
import type { ApiClient } from './api-client.ts';

const MessageSchema = MessageResourceSchema.pick({ action: true, booking: true });

/** What a line says of it. */
export interface Reading {
  what: string;
  detail: string;
}

/** Reads the messages that pointers point at, and acknowledges them. */
export interface MessageReader {
  /** How often the notification has come, the one that is coming included. */
  noticesOf(messageId: string): number;
  notice(messageId: string): Promise<Reading>;
}

/** Every fourth message is left until its notification repeats, as if the partner had been busy. */
export function createMessageReader(api: ApiClient, clientId: string): MessageReader {
  const left = new Set<string>();
  let messages = 0;
  return {
    noticesOf: (messageId) => (left.has(messageId) ? 2 : 1),
    async notice(messageId) {
      if (!left.delete(messageId)) {
        messages += 1;
        if (messages % 4 === 0) {
          left.add(messageId);
          return { what: 'not read yet', detail: 'busy: the notification will come again in a minute' };
        }
      }
      const path = `/message/${encodeURIComponent(messageId)}`;
      const { body } = await api.send(clientId, { method: 'GET', path });
      const { action, booking } = MessageSchema.parse(body);
      await api.send(clientId, { method: 'POST', path });
      const { customer, numberOfPeople, start } = booking;
      const detail = `${customer.name}, ${numberOfPeople} people, ${start.slice(0, 16).replace('T', ' ')}`;
      return { what: `read and acknowledged`, detail: `${action}: ${detail}` };
    },
  };
}
