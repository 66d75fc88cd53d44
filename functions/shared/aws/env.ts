import * as z from 'zod';
import { parseEnv } from '../env.ts';

/** Lambda sets region and credentials in every function; the endpoints are set where AWS is not meant. */
const AwsEnvSchema = z.object({
  AWS_REGION: z.string(),
  AWS_ACCESS_KEY_ID: z.string(),
  AWS_SECRET_ACCESS_KEY: z.string(),
  AWS_SESSION_TOKEN: z.string().optional(),
  AWS_ENDPOINT_URL: z.url().optional(),
  AWS_ENDPOINT_URL_DYNAMODB: z.url().optional(),
  AWS_ENDPOINT_URL_SQS: z.url().optional(),
  AWS_ENDPOINT_URL_KMS: z.url().optional(),
  AWS_ENDPOINT_URL_IOT_DATA_PLANE: z.url().optional(),
});
export type AwsEnv = z.infer<typeof AwsEnvSchema>;

/** Throws a ZodError that names each variable at fault. */
export const loadAwsEnv = (): AwsEnv => parseEnv(AwsEnvSchema);
