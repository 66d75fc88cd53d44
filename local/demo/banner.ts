import { demoPartners, demoTowerIds } from './network.ts';

/** What one sees, and how to take part. `mqttUrl` is the broker's. */
export function banner(mqttUrl: string): string {
  const { port } = new URL(mqttUrl);
  const [towerId] = demoTowerIds;
  const partners = demoPartners.map(({ partnerId, contract, lockers }) => {
    const range = `lockers ${lockers.at(0)}-${lockers.at(-1)}`;
    return `    ${partnerId.padEnd(12)} ${contract.padEnd(19)} ${range}`;
  });
  return [
    '',
    'Towercast runs a demo network on this machine. Ctrl-C stops it; the next start goes on from there.',
    '',
    `  ${demoTowerIds.length} towers publish over MQTT at ${mqttUrl}. Partners get signed webhooks and verify each signature:`,
    ...partners,
    '  marketplace fails now and then, so that retries show. Reservations expire, and parcels go back, at the full minute.',
    '',
    '  ●   something happened          └▶  a partner received a webhook about it',
    '',
    '  Be a tower yourself, from another terminal:',
    '',
    `    mosquitto_pub -p ${port} -i ${towerId} -q 1 -t towers/${towerId}/events \\`,
    `      -m '{"v":1,"boot":"me","seq":'$(date +%s)',"at":"'$(date -u +%FT%TZ)'","type":"locker.opened","locker":9}'`,
    '',
  ].join('\n');
}
