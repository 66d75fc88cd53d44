import { Aws, RemovalPolicy } from 'aws-cdk-lib/core';
import {
  CfnUserPoolDomain,
  OAuthScope,
  ResourceServerScope,
  UserPool,
  type UserPoolClient,
  type UserPoolResourceServer,
} from 'aws-cdk-lib/aws-cognito';
import { Construct } from 'constructs';
import { acknowledge } from './checks.ts';
import type { StageConfig } from './config.ts';
import { fixLogicalId } from './logical-id.ts';

const scopes = {
  operator: new ResourceServerScope({ scopeName: 'operator', scopeDescription: 'Run the network' }),
  partner: new ResourceServerScope({ scopeName: 'partner', scopeDescription: 'Act as one partner' }),
} as const;

/** Who signs the API's tokens: the stage's own OIDC issuer, or a Cognito user pool of the stack. */
export class SignIn extends Construct {
  readonly issuer: string;
  readonly audience: readonly string[];
  /** Of the stack, by name: what an operator needs to get a token. */
  readonly outputs: Readonly<Record<string, string>>;

  constructor(scope: Construct, id: string, { config }: { readonly config: StageConfig }) {
    super(scope, id);
    if (config.oidc === undefined) {
      const pool = this.#pool(config);
      const server = pool.addResourceServer('Scopes', {
        identifier: 'towercast',
        scopes: Object.values(scopes),
      });
      const domain = this.#domain(config, pool);
      const operator = addClient(pool, server, 'Operator', 'operator');
      const partners = config.cognitoClients.map((name) => addClient(pool, server, name, 'partner'));
      this.issuer = pool.userPoolProviderUrl;
      this.audience = [operator, ...partners].map((client) => client.userPoolClientId);
      this.outputs = {
        UserPoolId: pool.userPoolId,
        OperatorClientId: operator.userPoolClientId,
        TokenUrl: `https://${domain.ref}.auth.${Aws.REGION}.amazoncognito.com/oauth2/token`,
        ...Object.fromEntries(
          config.cognitoClients.map((name, index) => [
            `PartnerClientId${name}`,
            partners[index]?.userPoolClientId ?? '',
          ]),
        ),
      };
    } else {
      this.issuer = config.oidc.issuer;
      this.audience = config.oidc.audience;
      this.outputs = {};
    }
  }

  /** Holds programs, no people: each is an app client with a secret (OAuth's client credentials). */
  #pool(config: StageConfig): UserPool {
    const pool = new UserPool(this, 'UserPool', {
      selfSignUpEnabled: false,
      deletionProtection: config.retainData,
      removalPolicy: config.retainData ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
      passwordPolicy: {
        minLength: 16,
        requireDigits: true,
        requireLowercase: true,
        requireUppercase: true,
        requireSymbols: true,
      },
    });
    for (const rule of ['AwsSolutions-COG2', 'AwsSolutions-COG3', 'AwsSolutions-COG8'])
      acknowledge(pool, rule, 'The pool has no users: only programs sign in, with client credentials.');
    return fixLogicalId(pool, 'UserPool');
  }

  /** Where the token endpoint is. Prefixes are unique in a region, hence the account. */
  #domain(config: StageConfig, pool: UserPool): CfnUserPoolDomain {
    const domain = new CfnUserPoolDomain(this, 'Domain', {
      userPoolId: pool.userPoolId,
      domain: `towercast-${config.stage}-${Aws.ACCOUNT_ID}`,
    });
    return fixLogicalId(domain, 'UserPoolDomain');
  }
}

function addClient(
  pool: UserPool,
  server: UserPoolResourceServer,
  name: string,
  scope: keyof typeof scopes,
): UserPoolClient {
  const client = pool.addClient(name, {
    generateSecret: true,
    authFlows: {},
    enableTokenRevocation: true,
    oAuth: {
      flows: { clientCredentials: true },
      scopes: [OAuthScope.resourceServer(server, scopes[scope])],
    },
  });
  return fixLogicalId(client, `${name}Client`);
}
