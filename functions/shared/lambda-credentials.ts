import { fromEnv } from '@aws-sdk/credential-provider-env';

/** Takes the place of the SDK's credential chain in our bundles (see lib/bundle.ts): Lambda gives them by environment. */
export const defaultProvider = () => fromEnv();
