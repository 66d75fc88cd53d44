import type { Operation } from './operation.ts';
import { accessLogOperations } from './resources/access-log.ts';
import { bookingOperations } from './resources/bookings.ts';
import { integrationOperations } from './resources/integrations.ts';
import { messageOperations } from './resources/messages.ts';
import { positionOperations } from './resources/positions.ts';
import { queueOperations } from './resources/queues.ts';
import { deliveryOperations } from './resources/deliveries.ts';
import { endpointOperations } from './resources/endpoints.ts';
import { endpointRecoverOperations } from './resources/endpoint-recover.ts';
import { redriveOperations } from './resources/redrives.ts';
import { eventOperations } from './resources/events.ts';
import { commandOperations } from './resources/commands.ts';
import { lockerOpenRequestOperations } from './resources/locker-open-requests.ts';
import { lockerPageOperations } from './resources/locker-page.ts';
import { reservationOperations } from './resources/reservations.ts';
import { lockerOperations } from './resources/lockers.ts';
import { keyOperations } from './resources/keys.ts';
import { partnerOperations } from './resources/partners.ts';
import { projectWebhookOperations } from './resources/project-webhooks.ts';
import { towerOperations } from './resources/towers.ts';

/** Every operation of the API. The router, the documents, the template and the tenancy test walk this list. */
export const operations: readonly Operation[] = [
  // One line per file under resources/.
  ...partnerOperations,
  ...towerOperations,
  ...lockerOperations,
  ...deliveryOperations,
  ...eventOperations,
  ...endpointOperations,
  ...endpointRecoverOperations,
  ...redriveOperations,
  ...keyOperations,
  ...projectWebhookOperations,
  ...accessLogOperations,
  ...lockerOpenRequestOperations,
  ...lockerPageOperations,
  ...commandOperations,
  ...reservationOperations,
  ...bookingOperations,
  ...integrationOperations,
  ...messageOperations,
  ...queueOperations,
  ...positionOperations,
];
