export interface TagDescription {
  /** What the command line calls the group: one word. */
  command: string;
  description: string;
}

/** What each group of operations is about, by tag. */
export const tags: Readonly<Record<string, TagDescription>> = {
  Partners: {
    command: 'partners',
    description: 'Who receives events, and which OIDC clients sign in as them.',
  },
  Towers: {
    command: 'towers',
    description: 'Locker towers, their lockers, and what is known of their health.',
  },
  Lockers: { command: 'lockers', description: 'The lockers of a tower.' },
  Commands: { command: 'commands', description: 'What towers were asked to do, and what came of it.' },
  Endpoints: {
    command: 'endpoints',
    description: 'Where webhooks go, in which contract, signed with which secret.',
  },
  Deliveries: { command: 'deliveries', description: 'What was sent to an endpoint, with every attempt.' },
  Redrives: { command: 'redrives', description: 'Retries of many deliveries at once.' },
  Events: { command: 'events', description: 'What happened, as everybody whom it concerns may read it.' },
  'Locker open requests': { command: 'requests', description: 'Drop-off and pick-up by a link.' },
  Reservations: { command: 'reservations', description: 'Reservations of lockers for parcels.' },
  Bookings: { command: 'bookings', description: 'Bookings of a department, announced by message pointers.' },
  Integrations: {
    command: 'integrations',
    description: 'Where message pointers go: a system of a department.',
  },
  Messages: { command: 'messages', description: 'The details behind a message pointer.' },
  Positions: { command: 'positions', description: 'Places in a queue.' },
  Queues: { command: 'queues', description: 'Lines that people wait in.' },
  Keys: { command: 'keys', description: 'Who may open a lock.' },
  Locks: { command: 'locks', description: 'Locks and their access logs.' },
  Projects: {
    command: 'projects',
    description: 'Access event webhooks and access logs, on the paths that integrators know.',
  },
  'Locker page': { command: 'page', description: 'The page behind a locker open link, for browsers.' },
  Webhooks: { command: 'webhooks', description: 'What Towercast sends, by contract.' },
};
