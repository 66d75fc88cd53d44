/** The services that functions call, by the name that goes into a signature. */
export type AwsService = 'dynamodb' | 'sqs' | 'kms' | 'iotdata';

/** Regions start with it; everything else is amazonaws.com. Source: partitions.json of the AWS SDKs. */
const suffixes: readonly (readonly [regionPrefix: string, dnsSuffix: string])[] = [
  ['cn-', 'amazonaws.com.cn'],
  ['eusc-', 'amazonaws.eu'],
  ['us-isob-', 'sc2s.sgov.gov'],
  ['us-isof-', 'csp.hci.ic.gov'],
  ['eu-isoe-', 'cloud.adc-e.uk'],
  ['us-iso-', 'c2s.ic.gov'],
];

/** The regional endpoint, as the SDK's own rules give it. */
export function defaultEndpoint(service: AwsService, region: string): string {
  const suffix = suffixes.find(([prefix]) => region.startsWith(prefix))?.[1] ?? 'amazonaws.com';
  if (service !== 'iotdata') return `https://${service}.${region}.${suffix}`;
  // Beijing came before the certificates that the others' name speaks of.
  return region === 'cn-north-1'
    ? `https://data.ats.iot.${region}.${suffix}`
    : `https://data-ats.iot.${region}.${suffix}`;
}
