import { IoTDataPlaneClient, PublishCommand } from '@aws-sdk/client-iot-data-plane';
import type { TowerAck, TowerCommand } from '../../schemas/tower-command.ts';

export interface TowerDownlink {
  /** To `towers/{towerId}/acks`. Rejects when the broker did not take it. */
  acknowledge(towerId: string, ack: TowerAck): Promise<void>;
  /** To `towers/{towerId}/commands`. Rejects when the broker did not take it. */
  command(towerId: string, command: TowerCommand): Promise<void>;
}

/**
 * The endpoint comes from AWS_ENDPOINT_URL_IOT_DATA_PLANE where it is set. What goes down is a courtesy: it is asked
 * for again with the next heartbeat, so no event may wait for it long.
 */
export const createIotDataClient = (): IoTDataPlaneClient =>
  new IoTDataPlaneClient({
    maxAttempts: 2,
    requestHandler: { connectionTimeout: 1_000, requestTimeout: 2_000, throwOnRequestTimeout: true },
  });

export function createTowerDownlink(iot: IoTDataPlaneClient): TowerDownlink {
  const publish = async (topic: string, message: TowerAck | TowerCommand) => {
    await iot.send(new PublishCommand({ topic, qos: 1, payload: Buffer.from(JSON.stringify(message)) }));
  };
  return {
    acknowledge: (towerId, ack) => publish(`towers/${towerId}/acks`, ack),
    command: (towerId, command) => publish(`towers/${towerId}/commands`, command),
  };
}
