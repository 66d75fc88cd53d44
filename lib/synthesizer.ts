import { DefaultStackSynthesizer } from 'aws-cdk-lib/core';

/** The CDK's own, without the template's rule on the bootstrap version: the CLI checks that by itself. */
export class Synthesizer extends DefaultStackSynthesizer {
  constructor() {
    super({ generateBootstrapVersionRule: false });
  }

  // The base class declares these three so that they don't fit the CDK's own IStackSynthesizer under
  // exactOptionalPropertyTypes. They are always set once a stack is bound, and not read before.
  override get bootstrapQualifier(): string {
    return super.bootstrapQualifier ?? '';
  }

  override get lookupRole(): string {
    return super.lookupRole ?? '';
  }

  override get cloudFormationExecutionRole(): string {
    return super.cloudFormationExecutionRole ?? '';
  }
}
