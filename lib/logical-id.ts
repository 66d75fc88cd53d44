import { CfnElement } from 'aws-cdk-lib/core';
import type { IConstruct } from 'constructs';

/**
 * Fixes the name of a construct's resource in the template, so that moving it within the code never replaces it, and
 * that the local stack, outputs and people find it by that name.
 */
export function fixLogicalId<T extends IConstruct>(construct: T, logicalId: string): T {
  const resource = CfnElement.isCfnElement(construct) ? construct : construct.node.defaultChild;
  if (!CfnElement.isCfnElement(resource)) throw new Error(`${construct.node.path} has no resource to name`);
  resource.overrideLogicalId(logicalId);
  return construct;
}
