/**
 * The configuration of the functions. In `functions/`, only this module reads the environment.
 * Settings about authorization have no default: if a variable is missing or empty, the function
 * does not start, and the error names the variable.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AccessPolicy } from '../access/policy-types.ts';
import { limits } from '../model/limits.ts';

type Environment = Readonly<Record<string, string | undefined>>;

export type IdentityConfig = {
  readonly issuer: string;
  readonly audience: string;
  readonly keySet: { readonly jwks: string } | { readonly url: string };
};

/**
 * The vault's name in log lines and metrics. On AWS it is the name of the stack, because a Region
 * may have several vaults.
 */
export const readServiceName = (environment: Environment = process.env): string =>
  environment['SERVICE_NAME'] || 'vault';

/** Whether this process runs on Lambda, where CloudWatch reads its log lines. */
export const isOnLambda = (environment: Environment = process.env): boolean =>
  Boolean(environment['AWS_LAMBDA_FUNCTION_NAME']);

/**
 * The commit from which this program was built; `null` if `VAULT_COMMIT` is not set. Throws a
 * user-facing error if the commit is malformed.
 */
export const readCommit = (environment: Environment = process.env): string | null => {
  const commit = environment['VAULT_COMMIT'] || null;
  if (commit === null || /^[0-9a-f]{40}$/.test(commit)) return commit;
  throw new Error('VAULT_COMMIT must be 40 hexadecimal digits, as git rev-parse HEAD prints them');
};

export const vaultIdForm = new RegExp(`^[A-Za-z0-9-]{1,${limits.vaultIdCharactersMax}}$`);

/** The name of the policy file, which is in the folder of a deployed function. */
export const bundledPolicyFile = 'access-policy.json';

/**
 * The access policy that is deployed with this function, or else the issuer from the `AUTH_…`
 * variables. Throws a user-facing error if there is neither. Also throws if there are both, because
 * the function could then judge callers by the wrong one.
 */
export const readIdentity = (
  environment: Environment = process.env,
): AccessPolicy | IdentityConfig => {
  const bundled = readBundledPolicy(environment);
  const given = identityVariables.filter((name) => environment[name]);
  if (bundled === undefined) {
    if (given.length > 0) return readIdentityConfig(environment);
    const variables = 'AUTH_ISSUER, AUTH_AUDIENCE, and AUTH_JWKS or AUTH_JWKS_URL';
    throw new Error(`no access policy: deploy ${bundledPolicyFile}, or set ${variables}`);
  }
  if (given.length === 0) return bundled;
  throw new Error(`${bundledPolicyFile} is deployed, so ${given.join(', ')} must not be set too`);
};

/** The variable that names a local host's policy file. No function reads it. */
export const policyVariable = 'AUTH_POLICY_FILE';

export const identityVariables = ['AUTH_ISSUER', 'AUTH_AUDIENCE', 'AUTH_JWKS', 'AUTH_JWKS_URL'];

/**
 * Reads the policy file of a deployed function, if there is one. The file is parsed without a
 * check, because the build has checked it, so a faulty one is never deployed.
 */
const readBundledPolicy = ({ LAMBDA_TASK_ROOT: folder }: Environment): AccessPolicy | undefined => {
  const file = join(folder ?? '', bundledPolicyFile);
  return folder && existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined;
};

/**
 * Reads from the `AUTH_…` variables which issuer's tokens are accepted, for which audience, and
 * where the issuer's keys are.
 */
export const readIdentityConfig = (environment: Environment = process.env): IdentityConfig => {
  const { AUTH_JWKS: jwks, AUTH_JWKS_URL: url } = environment;
  const either = jwks ? 'AUTH_JWKS' : url ? 'AUTH_JWKS_URL' : 'AUTH_JWKS or AUTH_JWKS_URL';
  requireSet({ ...environment, [either]: jwks || url }, ['AUTH_ISSUER', 'AUTH_AUDIENCE', either]);
  if (jwks && url) throw new Error('AUTH_JWKS and AUTH_JWKS_URL are both set; set only one');
  if (url && !url.startsWith('https://')) throw new Error('AUTH_JWKS_URL must begin with https://');
  return {
    issuer: environment['AUTH_ISSUER'] ?? '',
    audience: environment['AUTH_AUDIENCE'] ?? '',
    keySet: url ? { url } : { jwks: jwks ?? '' },
  };
};

export const readServicesConfig = (environment: Environment = process.env) => {
  requireSet(environment, ['VAULT_ID', 'TABLE_NAME', 'MASTER_KEY_ID']);
  return {
    vaultId: readVaultId(environment),
    tableName: environment['TABLE_NAME'] ?? '',
    masterKeyId: environment['MASTER_KEY_ID'] ?? '',
  };
};

/**
 * The id of the vault. Every data key is bound to it, so no item opens under another id. It is not
 * the name of a table, a key or a stack, because a restored table gets a new name.
 */
export const readVaultId = (environment: Environment = process.env): string => {
  requireSet(environment, ['VAULT_ID']);
  const vaultId = environment['VAULT_ID'] ?? '';
  if (vaultIdForm.test(vaultId)) return vaultId;
  const max = limits.vaultIdCharactersMax;
  throw new Error(`VAULT_ID must be 1 to ${max} letters, digits or "-"`);
};

const requireSet = (environment: Environment, names: readonly string[]): void => {
  const missing = names.filter((name) => !environment[name]);
  if (missing.length > 0) throw new Error(`missing environment variables: ${missing.join(', ')}`);
};
