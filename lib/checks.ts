import { type App, Validations } from 'aws-cdk-lib/core';
import { AwsSolutionsChecks } from 'cdk-nag';
import type { IConstruct } from 'constructs';

/** Feature flags of the CDK that the app itself rests on, so that it synthesizes alike with and without the CLI. */
export const appContext = {
  // Turns the findings of the built-in template validation from warnings into errors.
  '@aws-cdk/core:validateAgainstDefaultRules': true,
  // Names each function's asset in the template, where the local stack finds the bundle.
  'aws:cdk:enable-asset-metadata': true,
} as const;

/** cdk-nag's AwsSolutions rules: a finding that nobody acknowledged fails the synthesis. */
export function addChecks(app: App): void {
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
}

/** Accepts a finding of a rule on a construct and what is below it. The reason is for whoever audits the stack. */
export function acknowledge(construct: IConstruct, id: string, reason: string): void {
  Validations.of(construct).acknowledge({ id, reason });
}
