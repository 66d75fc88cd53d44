/** The account that fauxqs and dynoxide put into their ARNs. */
export const account = '000000000000';
export const region = 'us-east-1';

/** How a type's Ref and GetAtt read, given the resource's physical name. */
interface ResourceType {
  /** The property that names it; without one, stack and logical id do. */
  readonly nameProperty?: string;
  readonly arn?: (name: string) => string;
  /** What generated names must look like where the service is picky. */
  readonly nameFrom?: (generated: string, properties: Readonly<Record<string, unknown>>) => string;
}

const arn = (service: string, resource: string) => `arn:aws:${service}:${region}:${account}:${resource}`;

/** What runs here. */
export const runTypes: Readonly<Record<string, ResourceType>> = {
  'AWS::DynamoDB::Table': { nameProperty: 'TableName', arn: (name) => arn('dynamodb', `table/${name}`) },
  'AWS::SQS::Queue': {
    nameProperty: 'QueueName',
    arn: (name) => arn('sqs', name),
    nameFrom: (generated, { FifoQueue }) => (FifoQueue === true ? `${generated}.fifo` : generated),
  },
  'AWS::S3::Bucket': {
    nameProperty: 'BucketName',
    arn: (name) => `arn:aws:s3:::${name}`,
    nameFrom: (generated) => generated.toLowerCase(),
  },
  'AWS::KMS::Key': { arn: (name) => arn('kms', `key/${name}`) },
  'AWS::Lambda::Function': { nameProperty: 'FunctionName', arn: (name) => arn('lambda', `function:${name}`) },
  'AWS::Lambda::Permission': {},
  'AWS::Lambda::EventInvokeConfig': {},
  'AWS::Lambda::EventSourceMapping': {},
  'AWS::IoT::TopicRule': {
    nameProperty: 'RuleName',
    arn: (name) => arn('iot', `rule/${name}`),
    nameFrom: (generated) => generated.replaceAll(/\W/g, '_'),
  },
  'AWS::IoT::Policy': { nameProperty: 'PolicyName', arn: (name) => arn('iot', `policy/${name}`) },
  'AWS::ApiGatewayV2::Api': {},
  'AWS::ApiGatewayV2::Integration': {},
  'AWS::ApiGatewayV2::Authorizer': {},
  'AWS::ApiGatewayV2::Route': {},
  // Its tokens come from a mock issuer here.
  'AWS::Cognito::UserPool': { arn: (name) => arn('cognito-idp', `userpool/${name}`) },
  'AWS::Cognito::UserPoolClient': {},
  'AWS::Events::Rule': { nameProperty: 'Name', arn: (name) => arn('events', `rule/${name}`) },
};

/** What has nothing to do on one machine: who may call whom, what is watched, how long logs are kept. */
export const ignoredTypes: Readonly<Record<string, ResourceType>> = {
  'AWS::IAM::Role': { nameProperty: 'RoleName', arn: (name) => `arn:aws:iam::${account}:role/${name}` },
  'AWS::IAM::Policy': {},
  'AWS::IAM::ManagedPolicy': {},
  'AWS::Logs::LogGroup': { nameProperty: 'LogGroupName', arn: (name) => arn('logs', `log-group:${name}:*`) },
  'AWS::Logs::MetricFilter': {},
  'AWS::CloudWatch::Alarm': { nameProperty: 'AlarmName', arn: (name) => arn('cloudwatch', `alarm:${name}`) },
  'AWS::CloudWatch::Dashboard': {},
  // Throttling and the access log.
  'AWS::ApiGatewayV2::Stage': {},
  'AWS::Cognito::UserPoolDomain': {},
  'AWS::Cognito::UserPoolResourceServer': { nameProperty: 'Identifier' },
  'AWS::SQS::QueuePolicy': {},
  'AWS::S3::BucketPolicy': {},
  'AWS::KMS::Alias': { nameProperty: 'AliasName' },
  'AWS::CDK::Metadata': {},
  // Empties a bucket when the stack is deleted; its provider function runs in CloudFormation only.
  'Custom::S3AutoDeleteObjects': {},
};
