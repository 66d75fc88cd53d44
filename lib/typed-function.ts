import { Duration, RemovalPolicy } from 'aws-cdk-lib/core';
import { type PolicyStatement, PolicyDocument, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import {
  Architecture,
  Code,
  Function,
  LoggingFormat,
  Runtime,
  SystemLogLevel,
  Tracing,
} from 'aws-cdk-lib/aws-lambda';
import { LogGroup } from 'aws-cdk-lib/aws-logs';
import type { Construct } from 'constructs';
import type * as z from 'zod';
import { acknowledge } from './checks.ts';
import type { Bundles, FunctionName } from './bundle.ts';
import type { StageConfig } from './config.ts';
import { fixLogicalId } from './logical-id.ts';
import { allow } from './permissions.ts';
import { metricNamespaceOf } from './runbook-alarm.ts';

/** What every stage's construct gets. */
export interface StageProps {
  readonly config: StageConfig;
  readonly bundles: Bundles;
}

export interface TypedFunctionProps<Env extends z.ZodType> extends StageProps {
  /** The function's folder under functions/. */
  readonly name: FunctionName;
  readonly logicalId: string;
  readonly description: string;
  /** The schema that the function parses its environment with at cold start. */
  readonly envSchema: Env;
  /** Parsed at synth too, so that a mistake shows here and not in production. */
  readonly env: z.input<Env> & Record<string, string>;
  readonly timeoutSeconds: number;
  readonly memoryMb: number;
  /** All that the function may do, besides writing its own log. */
  readonly permissions: readonly PolicyStatement[];
}

/** A function whose environment has the type that its code expects, with its own log and its own least role. */
export class TypedFunction<Env extends z.ZodType> extends Function {
  constructor(scope: Construct, id: string, props: TypedFunctionProps<Env>) {
    const { config, name } = props;
    props.envSchema.parse(props.env);
    const logGroup = new LogGroup(scope, `${id}Log`, {
      retention: config.logRetentionDays,
      removalPolicy: config.retainData ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
    });
    const writeLog = allow(['logs:CreateLogStream', 'logs:PutLogEvents'], [logGroup.logGroupArn]);
    const role = new Role(scope, `${id}Role`, {
      assumedBy: new ServicePrincipal('lambda.amazonaws.com'),
      inlinePolicies: { Least: new PolicyDocument({ statements: [writeLog, ...props.permissions] }) },
    });
    super(scope, id, {
      description: props.description,
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      code: Code.fromAsset(props.bundles[name]),
      handler: 'index.handler',
      timeout: Duration.seconds(props.timeoutSeconds),
      memorySize: props.memoryMb,
      // Powertools' metrics read it themselves.
      environment: { ...props.env, POWERTOOLS_METRICS_NAMESPACE: metricNamespaceOf(config) },
      logGroup,
      // Start, end and report of every invocation cost more than what our own lines say; metrics have them all.
      loggingFormat: LoggingFormat.JSON,
      systemLogLevelV2: SystemLogLevel.WARN,
      tracing: config.tracing ? Tracing.ACTIVE : Tracing.DISABLED,
      role,
    });
    fixLogicalId(this, props.logicalId);
    if (config.tracing) acknowledge(role, 'AwsSolutions-IAM5[Resource::*]', 'X-Ray has no resources to name');
  }
}
