import { Aws, RemovalPolicy } from 'aws-cdk-lib/core';
import { CfnApi, CfnAuthorizer, CfnIntegration, CfnRoute, CfnStage } from 'aws-cdk-lib/aws-apigatewayv2';
import { CfnPermission } from 'aws-cdk-lib/aws-lambda';
import { LogGroup } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { ApiEnvSchema } from '../functions/api/env.ts';
import { scopesFor } from '../functions/api/identify.ts';
import type { Operation } from '../functions/api/operation.ts';
import { operations } from '../functions/api/operations.ts';
import { routeKeyOf } from '../functions/api/router.ts';
import { acknowledge } from './checks.ts';
import { fixLogicalId } from './logical-id.ts';
import { allow } from './permissions.ts';
import { minuteMetric, RunbookAlarm } from './runbook-alarm.ts';
import type { Secrets } from './secrets.ts';
import { SignIn } from './sign-in.ts';
import type { Storage } from './storage.ts';
import { type StageProps, TypedFunction } from './typed-function.ts';

export interface PartnerApiProps extends StageProps {
  readonly storage: Storage;
  readonly secrets: Secrets;
}

/** The HTTP API: a route for each operation of functions/api/operations.ts, and the function behind all of them. */
export class PartnerApi extends Construct {
  readonly signIn: SignIn;
  readonly function: TypedFunction<typeof ApiEnvSchema>;
  readonly url: string;
  readonly apiId: string;
  readonly #api: CfnApi;

  constructor(scope: Construct, id: string, props: PartnerApiProps) {
    super(scope, id);
    this.signIn = new SignIn(this, 'SignIn', props);
    this.#api = new CfnApi(this, 'HttpApi', {
      name: `towercast-${props.config.stage}`,
      description: 'Towercast: operators and partners, and the pages behind links',
      protocolType: 'HTTP',
    });
    fixLogicalId(this.#api, 'HttpApi');
    this.url = this.#api.attrApiEndpoint;
    this.apiId = this.#api.ref;
    this.function = this.#function(props);
    this.#routes();
    this.#stage(props);
    new RunbookAlarm(this, 'ErrorsAlarm', {
      config: props.config,
      says: 'The HTTP API answers with server errors.',
      anchor: 'api-errors',
      metric: minuteMetric('AWS/ApiGateway', '5xx', { ApiId: this.#api.ref }),
    });
  }

  #function(props: PartnerApiProps): TypedFunction<typeof ApiEnvSchema> {
    const { config, storage, secrets } = props;
    const commandsTopic = `arn:${Aws.PARTITION}:iot:${Aws.REGION}:${Aws.ACCOUNT_ID}:topic/towers/*/commands`;
    const api = new TypedFunction(this, 'Function', {
      ...props,
      name: 'api',
      logicalId: 'ApiFunction',
      description: 'Answers the HTTP API: validates, decides and commits what operators and partners ask for',
      envSchema: ApiEnvSchema,
      env: {
        ENTITIES_TABLE: storage.entities.tableName,
        EVENTS_TABLE: storage.events.tableName,
        DELIVERIES_TABLE: storage.deliveries.tableName,
        SECRETS_KEY_ARN: secrets.key.keyArn,
        DUE_SHARDS: String(config.dueShards),
        GRACE_HOURS: String(config.graceHours),
        RETENTION_DAYS: String(config.retentionDays),
        REDRIVE_PER_SECOND: String(config.redrive.perSecond),
        REDRIVE_MAX_PER_SECOND: String(config.redrive.maxPerSecond),
        ENDPOINT_CACHE_SECONDS: String(config.delivery.endpointCacheSeconds),
        REDRIVES_PER_PARTNER: String(config.redrive.perPartner),
        WAITING_PULLS_PER_PARTNER: String(config.api.waitingPullsPerPartner),
        DRY_RUNS_PER_PARTNER: String(config.api.dryRunsPerPartner),
        LINK_HOURS: String(config.lockerOpen.linkHours),
        COMMAND_SECONDS: String(config.lockerOpen.commandSeconds),
        KEY_OVERLAP_SECONDS: String(config.delivery.keyOverlapSeconds),
        OPERATOR_TIME_ZONE: config.operatorTimeZone,
        PUBLIC_BASE_URL: config.publicBaseUrl ?? this.url,
        ALLOW_LOOPBACK_HTTP: config.allowLoopbackHttp ? 'true' : 'false',
        ALLOWED_PORTS: JSON.stringify(config.delivery.allowedPorts),
      },
      timeoutSeconds: config.api.timeoutSeconds,
      memoryMb: config.api.memoryMb,
      permissions: [
        allow(
          [
            'dynamodb:GetItem',
            'dynamodb:BatchGetItem',
            'dynamodb:Query',
            'dynamodb:PutItem',
            'dynamodb:UpdateItem',
            'dynamodb:DeleteItem',
          ],
          [storage.entities.tableArn],
        ),
        // How many deliveries are parked for an endpoint, and how many redrives of a partner run.
        allow(
          ['dynamodb:Query'],
          [`${storage.deliveries.tableArn}/index/due`, `${storage.entities.tableArn}/index/due`],
        ),
        allow(['dynamodb:Query'], [`${storage.entities.tableArn}/index/byPartner`]),
        allow(
          ['dynamodb:GetItem', 'dynamodb:BatchGetItem', 'dynamodb:Query', 'dynamodb:PutItem'],
          [storage.events.tableArn],
        ),
        // UpdateItem: a retry marks a delivery as due.
        allow(
          ['dynamodb:GetItem', 'dynamodb:BatchGetItem', 'dynamodb:Query', 'dynamodb:UpdateItem'],
          [storage.deliveries.tableArn],
        ),
        allow(['iot:Publish'], [commandsTopic]),
        secrets.allowUse(),
      ],
    });
    acknowledge(
      api.role ?? api,
      'AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:iot:<AWS::Region>:<AWS::AccountId>:topic/towers/*/commands]',
      'It opens lockers of every tower of the network, and towers come and go without a deployment.',
    );
    return api;
  }

  #routes(): void {
    const integration = new CfnIntegration(this, 'Integration', {
      apiId: this.#api.ref,
      integrationType: 'AWS_PROXY',
      integrationUri: this.function.functionArn,
      payloadFormatVersion: '2.0',
    });
    fixLogicalId(integration, 'ApiIntegration');
    const authorizer = new CfnAuthorizer(this, 'Authorizer', {
      apiId: this.#api.ref,
      name: 'tokens',
      authorizerType: 'JWT',
      identitySource: ['$request.header.Authorization'],
      jwtConfiguration: { issuer: this.signIn.issuer, audience: [...this.signIn.audience] },
    });
    fixLogicalId(authorizer, 'ApiAuthorizer');
    for (const operation of operations) this.#route(operation, integration, authorizer);
    // Without it API Gateway would answer in a form of its own.
    const rest = { operationId: 'default', access: 'public', routeKey: '$default' } as const;
    this.#route(rest, integration, authorizer);
    new CfnPermission(this, 'InvokePermission', {
      action: 'lambda:InvokeFunction',
      functionName: this.function.functionArn,
      principal: 'apigateway.amazonaws.com',
      // One for all routes: a policy has room for some dozens only.
      sourceArn: `arn:${Aws.PARTITION}:execute-api:${Aws.REGION}:${Aws.ACCOUNT_ID}:${this.#api.ref}/*`,
      sourceAccount: Aws.ACCOUNT_ID,
    });
  }

  #route(
    operation: Pick<Operation, 'operationId' | 'access'> &
      (Pick<Operation, 'method' | 'path'> | { routeKey: string }),
    integration: CfnIntegration,
    authorizer: CfnAuthorizer,
  ): void {
    const { operationId, access } = operation;
    const route = new CfnRoute(this, operationId, {
      apiId: this.#api.ref,
      routeKey: 'routeKey' in operation ? operation.routeKey : routeKeyOf(operation),
      target: `integrations/${integration.ref}`,
      ...(access === 'public'
        ? { authorizationType: 'NONE' }
        : {
            authorizationType: 'JWT',
            authorizerId: authorizer.ref,
            authorizationScopes: [...scopesFor(access)],
          }),
    });
    fixLogicalId(route, `Route${operationId.charAt(0).toUpperCase()}${operationId.slice(1)}`);
    if (access === 'public')
      acknowledge(
        route,
        'AwsSolutions-APIG4',
        'A link is its own credential, and the default route only says what there is.',
      );
  }

  /** Paths and query strings are in no log: a link's token is in its path. */
  #stage({ config }: PartnerApiProps): void {
    const log = new LogGroup(this, 'AccessLog', {
      retention: config.logRetentionDays,
      removalPolicy: config.retainData ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
    });
    const stage = new CfnStage(this, 'Stage', {
      apiId: this.#api.ref,
      stageName: '$default',
      autoDeploy: true,
      defaultRouteSettings: {
        throttlingRateLimit: config.api.requestsPerSecond,
        throttlingBurstLimit: config.api.burst,
        detailedMetricsEnabled: true,
      },
      accessLogSettings: {
        destinationArn: log.logGroupArn,
        format: JSON.stringify({
          requestId: '$context.requestId',
          time: '$context.requestTime',
          ip: '$context.identity.sourceIp',
          route: '$context.routeKey',
          status: '$context.status',
          clientId: '$context.authorizer.claims.client_id',
          latencyMs: '$context.responseLatency',
          bytes: '$context.responseLength',
          error: '$context.error.message',
          authorizerError: '$context.authorizer.error',
        }),
      },
    });
    fixLogicalId(stage, 'ApiStage');
  }
}
