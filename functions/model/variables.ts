/** Checks of variables that the functions on AWS and the programs on a server have in common. */
import { limits } from './limits.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** Throws a user-facing error that names each variable that is missing or empty. */
export const requireSet = (environment: Environment, names: readonly string[]): void => {
  const missing = names.filter((name) => !environment[name]);
  if (missing.length > 0) throw new Error(`missing environment variables: ${missing.join(', ')}`);
};

export const isVaultId = (text: string): boolean =>
  /^[A-Za-z0-9-]+$/.test(text) && text.length <= limits.vaultIdCharactersMax;

/**
 * The id of the vault. Every data key is bound to it, so no item opens under another id. It is not
 * the name of a table, a key or a stack, because a restored table gets a new name. Throws a
 * user-facing error if it is missing or malformed.
 */
export const vaultIdIn = (environment: Environment): string => {
  requireSet(environment, ['VAULT_ID']);
  const vaultId = environment['VAULT_ID'] ?? '';
  if (isVaultId(vaultId)) return vaultId;
  const max = limits.vaultIdCharactersMax;
  throw new Error(`VAULT_ID must be 1 to ${max} letters, digits or "-"`);
};

/**
 * The commit from which this program was built; `null` if `VAULT_COMMIT` is not set. Throws a
 * user-facing error if the commit is malformed.
 */
export const commitIn = (environment: Environment): string | null => {
  const commit = environment['VAULT_COMMIT'] || null;
  if (commit === null || /^[0-9a-f]{40}$/.test(commit)) return commit;
  throw new Error('VAULT_COMMIT must be 40 hexadecimal digits, as git rev-parse HEAD prints them');
};
