import { Duration, RemovalPolicy } from 'aws-cdk-lib/core';
import type { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { Key } from 'aws-cdk-lib/aws-kms';
import { Construct } from 'constructs';
import type { StageConfig } from './config.ts';
import { fixLogicalId } from './logical-id.ts';
import { allow } from './permissions.ts';

/** Both must be in the encryption context: a ciphertext moved to another endpoint's item then can't be read. */
const contextKeys = ['partnerId', 'endpointId'];

const boundToEndpoint = {
  'ForAllValues:StringEquals': { 'kms:EncryptionContextKeys': contextKeys },
  // ForAllValues also holds for an empty context.
  Null: Object.fromEntries(contextKeys.map((key) => [`kms:EncryptionContext:${key}`, 'false'])),
};

/** The key that endpoints' secrets rest under. One key for all: a secret each in Secrets Manager is $0.40 a month. */
export class Secrets extends Construct {
  readonly key: Key;

  constructor(scope: Construct, id: string, { config }: { readonly config: StageConfig }) {
    super(scope, id);
    this.key = new Key(this, 'SecretsKey', {
      description: `Towercast ${config.stage}: signing secrets and credentials of endpoints`,
      enableKeyRotation: true,
      removalPolicy: config.retainData ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
      pendingWindow: Duration.days(config.retainData ? 30 : 7),
    });
    fixLogicalId(this.key, 'SecretsKey');
  }

  /** Encrypting and decrypting what is bound to a partner and an endpoint. */
  allowUse(): PolicyStatement {
    return allow(['kms:Encrypt', 'kms:Decrypt'], [this.key.keyArn], boundToEndpoint);
  }

  /** Decrypting what is bound to a partner and an endpoint, and nothing else under this key. */
  allowDecrypt(): PolicyStatement {
    return allow(['kms:Decrypt'], [this.key.keyArn], boundToEndpoint);
  }
}
