import * as z from 'zod';

/** URLs of the delivery queues, for the stages that send to them. */
export const DeliveryQueuesEnv = {
  DELIVERY_QUEUE_URL: z.string(),
  SLOW_DELIVERY_QUEUE_URL: z.string(),
  ORDERED_DELIVERY_QUEUE_URL: z.string(),
};
