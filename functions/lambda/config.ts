/**
 * The configuration of the functions on AWS. In `functions/`, only this module reads the
 * environment. If a variable is missing or empty, the function does not start, and the error names
 * the variable.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type IssuerConfig, issuerIn, issuerVariables } from '../access/issuer-variables.ts';
import { type AccessPolicy, bundledPolicyFile } from '../access/policy-types.ts';
import { commitIn, requireSet, vaultIdIn } from '../model/variables.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** The name of the vault in log lines and metrics, which is the name of its stack. */
export const readServiceName = (environment: Environment = process.env): string =>
  environment['SERVICE_NAME'] || 'vault';

/** The commit from which the functions were built, or `null`. */
export const readCommit = (): string | null => commitIn(process.env);

/**
 * The access policy that is deployed with this function, or else the issuer from the `AUTH_…`
 * variables. Throws a user-facing error if there is neither. Also throws if there are both, because
 * the function could then judge callers by the wrong one.
 */
export const readIdentity = (
  environment: Environment = process.env,
): AccessPolicy | IssuerConfig => {
  const bundled = readBundledPolicy(environment);
  const given = issuerVariables.filter((name) => environment[name]);
  if (bundled === undefined) {
    if (given.length > 0) return issuerIn(environment);
    const variables = 'AUTH_ISSUER, AUTH_AUDIENCE, and AUTH_JWKS or AUTH_JWKS_URL';
    throw new Error(`no access policy: deploy ${bundledPolicyFile}, or set ${variables}`);
  }
  if (given.length === 0) return bundled;
  throw new Error(`${bundledPolicyFile} is deployed, so ${given.join(', ')} must not be set too`);
};

/**
 * Reads the policy file of a deployed function, if there is one. The file is parsed without a
 * check, because the build has checked it, so a faulty one is never deployed.
 */
const readBundledPolicy = ({ LAMBDA_TASK_ROOT: folder }: Environment): AccessPolicy | undefined => {
  const file = join(folder ?? '', bundledPolicyFile);
  return folder && existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined;
};

export const readServicesConfig = (environment: Environment = process.env) => {
  requireSet(environment, ['VAULT_ID', 'TABLE_NAME', 'MASTER_KEY_ID']);
  return {
    vaultId: vaultIdIn(environment),
    tableName: environment['TABLE_NAME'] ?? '',
    masterKeyId: environment['MASTER_KEY_ID'] ?? '',
  };
};
