/**
 * Public list prices of AWS in us-east-1 in US dollars, as of November 2026, without free tiers, volume tiers or savings
 * plans. The one place where the benchmark knows a price.
 */
export interface Price {
  /** Dollars for `per` of the unit. */
  readonly dollars: number;
  readonly per: number;
  readonly unit: string;
  readonly source: string;
}

const million = 1_000_000;
const gigabyte = 2 ** 30;

const iot = 'https://aws.amazon.com/iot-core/pricing/';
const lambda = 'https://aws.amazon.com/lambda/pricing/';
const dynamodb = 'https://aws.amazon.com/dynamodb/pricing/on-demand/';
const sqs = 'https://aws.amazon.com/sqs/pricing/';
const kms = 'https://aws.amazon.com/kms/pricing/';
const cloudwatch = 'https://aws.amazon.com/cloudwatch/pricing/';
const transfer = 'https://aws.amazon.com/ec2/pricing/on-demand/#Data_Transfer';

export const prices = {
  /** Basic Ingest has no message charge: https://docs.aws.amazon.com/iot/latest/developerguide/iot-basic-ingest.html */
  ruleTriggered: { dollars: 0.15, per: million, unit: 'rules triggered', source: iot },
  ruleAction: { dollars: 0.15, per: million, unit: 'actions applied', source: iot },
  /** Without Basic Ingest only: a message of up to 5 KB, in the first tier. */
  iotMessage: { dollars: 1, per: million, unit: 'messages', source: iot },
  lambdaRequest: { dollars: 0.2, per: million, unit: 'requests', source: lambda },
  /** arm64, as lib/typed-function.ts has it. */
  lambdaDuration: { dollars: 0.0000133334, per: 1, unit: 'GB-seconds', source: lambda },
  writeUnit: { dollars: 0.625, per: million, unit: 'write request units', source: dynamodb },
  readUnit: { dollars: 0.125, per: million, unit: 'read request units', source: dynamodb },
  storage: { dollars: 0.25, per: gigabyte, unit: 'GB-months stored', source: dynamodb },
  pointInTimeRecovery: { dollars: 0.2, per: gigabyte, unit: 'GB-months with PITR', source: dynamodb },
  /** A request is a send, receive or delete of up to ten messages and 64 KB. */
  standardRequest: { dollars: 0.4, per: million, unit: 'requests', source: sqs },
  fifoRequest: { dollars: 0.5, per: million, unit: 'requests', source: sqs },
  /** On top, for messages with a group on a standard queue. */
  fairQueue: { dollars: 0.1, per: million, unit: 'requests on a fair queue', source: sqs },
  kmsRequest: { dollars: 0.03, per: 10_000, unit: 'requests', source: kms },
  logs: { dollars: 0.5, per: gigabyte, unit: 'GB of logs', source: cloudwatch },
  transferOut: { dollars: 0.09, per: gigabyte, unit: 'GB to the internet', source: transfer },
} as const satisfies Record<string, Price>;

export type PriceName = keyof typeof prices;

export const costOf = (name: PriceName, quantity: number): number =>
  (quantity / prices[name].per) * prices[name].dollars;
