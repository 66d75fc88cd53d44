import type { TowerAck, TowerCommand } from '../../schemas/tower-command.ts';
import type { IotDataClient } from './aws/iot.ts';

export interface TowerDownlink {
  /** To `towers/{towerId}/acks`. Rejects when the broker did not take it. */
  acknowledge(towerId: string, ack: TowerAck): Promise<void>;
  /** To `towers/{towerId}/commands`. Rejects when the broker did not take it. */
  command(towerId: string, command: TowerCommand): Promise<void>;
}

export function createTowerDownlink(iot: IotDataClient): TowerDownlink {
  const publish = async (topic: string, message: TowerAck | TowerCommand) => {
    await iot.publish(topic, JSON.stringify(message));
  };
  return {
    acknowledge: (towerId, ack) => publish(`towers/${towerId}/acks`, ack),
    command: (towerId, command) => publish(`towers/${towerId}/commands`, command),
  };
}
