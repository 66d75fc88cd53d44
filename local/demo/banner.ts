import { demoPartners, demoTowerIds, type DemoPartner } from './network.ts';

/** What one sees, and how to take part. `mqttUrl` is the broker's. */
export function banner(mqttUrl: string): string {
  const { port } = new URL(mqttUrl);
  const [towerId] = demoTowerIds;
  const partners = demoPartners.map(({ partnerId, contract, does, ...partner }) =>
    `    ${partnerId.padEnd(12)} ${contract.padEnd(19)} ${lockersOf(partner).padEnd(15)} ${does}`.trimEnd(),
  );
  return [
    '',
    'Towercast runs a demo network on this machine. Ctrl-C stops it; the next start goes on from there.',
    '',
    `  ${demoTowerIds.length} towers publish over MQTT at ${mqttUrl}. Partners call the HTTP API,`,
    '  get signed webhooks and verify each signature:',
    ...partners,
    '  What timers do shows at the full minute: reservations expire, parcels go back, bookings are activated.',
    '',
    '  ●   something happened      └▶  a partner received a webhook about it      ◀   a partner read its details',
    '  ◆   a link for you: open it in a browser and press the button, and the tower opens the locker',
    '',
    '  Be a tower yourself, from another terminal:',
    '',
    `    mosquitto_pub -p ${port} -i ${towerId} -q 1 -t towers/${towerId}/events \\`,
    `      -m '{"v":1,"boot":"me-'$(date +%s)'","seq":1,"at":"'$(date -u +%FT%TZ)'","type":"locker.opened","locker":9}'`,
    '',
  ].join('\n');
}

function lockersOf({ lockers }: Pick<DemoPartner, 'lockers'>): string {
  const [first] = lockers;
  if (first === undefined) return '';
  return lockers.length === 1 ? `locker ${first}` : `lockers ${first}-${lockers.at(-1)}`;
}
