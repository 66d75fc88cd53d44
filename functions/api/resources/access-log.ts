import * as z from 'zod';
import { AccessEventSchema } from '../../../schemas/access-event.ts';
import { addMs } from '../../../schemas/instant.ts';
import { NameSchema } from '../../../schemas/primitives.ts';
import { toAccessEvent } from '../../shared/access-event.ts';
import { sortKeyOf } from '../../shared/event-reader.ts';
import { defineOperation, type Operation } from '../operation.ts';
import { pageOf, pageQuery, toPageBody, toPageRequest } from '../pagination.ts';
import { lockOf, projectOf } from '../project.ts';
import { visiblePage } from '../visible-page.ts';

/** The partner document's. */
const logMs = 30 * 86_400_000;

const accessLog = defineOperation({
  operationId: 'readAccessLog',
  method: 'GET',
  path: '/v2/projects/{projectId}/locks/{lockId}/access-log',
  tag: 'Projects',
  summary: 'Read who used a lock in the last 30 days',
  description:
    'Newest first, by when it happened, whoever made the key. `nextCursor` goes on to what is older.',
  access: 'any',
  params: z.strictObject({ projectId: NameSchema, lockId: NameSchema }),
  query: z.strictObject(pageQuery),
  body: null,
  response: { status: 200, schema: pageOf(AccessEventSchema), description: 'A page of access events.' },
  async handle(services, { params, query, caller }) {
    const partnerId = projectOf(caller, params.projectId);
    const { lockId } = await lockOf(services, partnerId, params.lockId);
    const subject = `lock~${lockId}`;
    const from = addMs(services.now(), -logMs);
    const page = await visiblePage(
      {
        read: async (request) => services.events.listBySubject(subject, from, request),
        // A lock that went to another partner leaves its past behind.
        isVisible: (event) => event.partnerIds.includes(partnerId) && toAccessEvent(event) !== null,
        keyOf: sortKeyOf,
      },
      toPageRequest(query, subject),
    );
    const items = page.items.flatMap((event) => toAccessEvent(event) ?? []);
    return { body: toPageBody({ items, next: page.next }, subject, (item) => item) };
  },
});

export const accessLogOperations: Operation[] = [accessLog];
