import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { scopesFor } from '../../functions/api/identify.ts';
import { operations } from '../../functions/api/operations.ts';
import { routeKeyOf } from '../../functions/api/router.ts';
import { synthesize, synthesizeWith } from './synthesized.ts';

const stack = synthesize('dev');
const arnOf = (logicalId: string) => ({ 'Fn::GetAtt': [logicalId, 'Arn'] });
const ref = (logicalId: string) => ({ Ref: logicalId });

const RouteSchema = z.object({
  RouteKey: z.string(),
  AuthorizationType: z.string(),
  AuthorizerId: z.unknown().optional(),
  AuthorizationScopes: z.array(z.string()).optional(),
  Target: z.unknown(),
});
const routes = new Map(
  stack
    .ofType('AWS::ApiGatewayV2::Route')
    .map(([, route]) => RouteSchema.parse(route.Properties))
    .map((route) => [route.RouteKey, route]),
);

describe('the HTTP API', () => {
  it('has a route for each operation and one for the rest', () => {
    expect([...routes.keys()].toSorted()).toEqual([...operations.map(routeKeyOf), '$default'].toSorted());
  });

  it.each(operations)('lets in exactly whom it is for: $operationId', (operation) => {
    const { Target: _, RouteKey: __, ...authorization } = routes.get(routeKeyOf(operation)) ?? {};
    expect(authorization).toEqual(
      operation.access === 'public'
        ? { AuthorizationType: 'NONE' }
        : {
            AuthorizationType: 'JWT',
            AuthorizerId: ref('ApiAuthorizer'),
            AuthorizationScopes: scopesFor(operation.access),
          },
    );
  });

  it.each(['operator', 'partner', 'any'] as const)('asks for a scope of whom it is for: %s', (access) => {
    expect(scopesFor(access)).not.toEqual([]);
  });

  it('sends every route to the one function, in payload format 2.0', () => {
    expect(stack.get('ApiIntegration').Properties).toMatchObject({
      IntegrationType: 'AWS_PROXY',
      IntegrationUri: arnOf('ApiFunction'),
      PayloadFormatVersion: '2.0',
    });
    const target = { 'Fn::Join': ['', ['integrations/', ref('ApiIntegration')]] };
    for (const route of routes.values()) expect(route.Target).toEqual(target);
  });

  it('may invoke the function, and nothing else may', () => {
    const permissions = stack
      .ofType('AWS::Lambda::Permission')
      .map(([, { Properties }]) => Properties)
      .filter(({ FunctionName }) => JSON.stringify(FunctionName) === JSON.stringify(arnOf('ApiFunction')));
    expect(permissions).toEqual([
      expect.objectContaining({
        Action: 'lambda:InvokeFunction',
        Principal: 'apigateway.amazonaws.com',
        SourceAccount: ref('AWS::AccountId'),
      }),
    ]);
    expect(JSON.stringify(permissions[0]?.['SourceArn'])).toContain(JSON.stringify(ref('HttpApi')));
  });

  it('is throttled as the stage says', () => {
    expect(stack.get('ApiStage').Properties).toMatchObject({
      StageName: '$default',
      AutoDeploy: true,
      DefaultRouteSettings: { ThrottlingRateLimit: 200, ThrottlingBurstLimit: 400 },
    });
  });

  it('logs requests without paths and queries, where a link’s token would be', () => {
    const { AccessLogSettings } = z
      .object({ AccessLogSettings: z.object({ Format: z.string() }) })
      .parse(stack.get('ApiStage').Properties);
    const variables = [...AccessLogSettings.Format.matchAll(/\$context\.[\w.]+/g)].map(([name]) => name);
    expect(variables).toContain('$context.routeKey');
    expect(variables.filter((name) => /path|query/i.test(name))).toEqual([]);
  });

  it('tells the function its own address, unless the stage has another', () => {
    const urlIn = (made: typeof stack) =>
      z
        .object({ Environment: z.object({ Variables: z.looseObject({ PUBLIC_BASE_URL: z.json() }) }) })
        .parse(made.get('ApiFunction').Properties).Environment.Variables.PUBLIC_BASE_URL;
    expect(urlIn(stack)).toEqual({ 'Fn::GetAtt': ['HttpApi', 'ApiEndpoint'] });
    const overrides = { publicBaseUrl: 'https://open.example.com' };
    expect(urlIn(synthesizeWith('dev', { overrides }))).toBe('https://open.example.com');
  });
});

describe('sign-in', () => {
  it('brings a user pool with the two scopes, for programs only', () => {
    const [[, server]] = z
      .tuple([z.tuple([z.string(), z.looseObject({ Properties: z.looseObject({}) })])])
      .parse(stack.ofType('AWS::Cognito::UserPoolResourceServer'));
    expect(server.Properties).toMatchObject({
      Identifier: 'towercast',
      Scopes: [{ ScopeName: 'operator' }, { ScopeName: 'partner' }],
    });
    expect(stack.get('UserPool').Properties).toMatchObject({
      AdminCreateUserConfig: { AllowAdminCreateUserOnly: true },
    });
    expect(stack.get('OperatorClient').Properties).toMatchObject({
      AllowedOAuthFlows: ['client_credentials'],
      GenerateSecret: true,
    });
    expect(stack.outputs).toEqual(expect.arrayContaining(['ApiUrl', 'TokenUrl', 'OperatorClientId']));
  });

  it('takes tokens of the pool, for its clients', () => {
    const made = synthesizeWith('dev', { overrides: { cognitoClients: ['Acme'] } });
    expect(made.get('ApiAuthorizer').Properties).toMatchObject({
      AuthorizerType: 'JWT',
      JwtConfiguration: {
        Issuer: { 'Fn::GetAtt': ['UserPool', 'ProviderURL'] },
        Audience: [ref('OperatorClient'), ref('AcmeClient')],
      },
    });
    expect(JSON.stringify(made.get('AcmeClient').Properties['AllowedOAuthScopes'])).toContain('/partner');
    expect(JSON.stringify(made.get('AcmeClient').Properties['AllowedOAuthScopes'])).not.toContain(
      '/operator',
    );
  });

  it('takes tokens of the stage’s own issuer instead, and then brings no pool', () => {
    const oidc = { issuer: 'https://keycloak.example/realms/lockers', audience: ['towercast-api'] };
    const made = synthesizeWith('dev', { overrides: { oidc } });
    expect(made.get('ApiAuthorizer').Properties).toMatchObject({
      JwtConfiguration: { Issuer: oidc.issuer, Audience: oidc.audience },
    });
    expect(made.ofType('AWS::Cognito::UserPool')).toEqual([]);
    expect(made.outputs).not.toContain('TokenUrl');
  });

  it('keeps the pool where data is kept', () => {
    const pool = synthesize('prod').get('UserPool');
    expect(pool.DeletionPolicy).toBe('Retain');
    expect(pool.Properties).toMatchObject({ DeletionProtection: 'ACTIVE' });
  });
});
