/**
 * Puts an access policy next to the functions that `sam build` has built, so that it is deployed
 * with them.
 */
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type AccessPolicy, bundledPolicyFile } from '../../functions/access/policy-types.ts';
import { codeOf, failure } from '../../system/failures.ts';

/**
 * Writes the policy into the folder of each built function. Returns the number of functions. Throws
 * if nothing was built.
 */
export const bundlePolicy = (root: string, policy: AccessPolicy): number => {
  const folder = join(root, '.aws-sam', 'build');
  const functions = namesIn(folder).filter((name) => name.endsWith('Function'));
  if (functions.length === 0) throw failure(`${folder} contains no functions: run sam build first`);
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
