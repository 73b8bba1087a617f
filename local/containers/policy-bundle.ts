/** Puts an access policy beside the functions that `sam build` has made, so that a change of the policy is a deploy. */
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AccessPolicy } from '../../functions/access/policy.ts';
import { bundledPolicyFile } from '../../functions/runtime/config.ts';
import { codeOf, failure } from '../../system/failures.ts';

/** Writes the policy into the folder of each built function. Returns their count. Throws if nothing is built. */
export const bundlePolicy = (root: string, policy: AccessPolicy): number => {
  const folder = join(root, '.aws-sam', 'build');
  const functions = namesIn(folder).filter((name) => name.endsWith('Function'));
  if (functions.length === 0) throw failure(`${folder} holds no functions: run sam build first`);
  const text = JSON.stringify(policy);
  for (const name of functions) writeFileSync(join(folder, name, bundledPolicyFile), text);
  return functions.length;
};

const namesIn = (folder: string): readonly string[] => {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return [];
    throw error;
  }
};
