/** Creates secrets through the vault itself and reads their history, for tests without HTTP. */
import { ApiError } from '../../functions/model/errors.ts';
import type { Principal, StoredVersion } from '../../functions/model/types.ts';
import type { Ports } from '../../functions/vault/request.ts';
import { type Value, vaultOver } from './vault.ts';

/**
 * Creates a secret with one version for each value: the first at `from`, each of the others one
 * second after the one before.
 */
export const makeSecret = async (
  ports: Ports,
  principal: Principal,
  name: string,
  values: readonly Value[],
  from: number = Date.now(),
): Promise<void> => {
  const [first = '', ...others] = values;
  await vaultOver(ports).create(principal, name, first, { now: from });
  for (const [index, value] of others.entries()) {
    await addVersion(ports, principal, name, value, from + (index + 1) * 1000);
  }
};

/** Adds a version to a secret at `now`. */
export const addVersion = async (
  ports: Ports,
  principal: Principal,
  name: string,
  value: Value,
  now: number = Date.now(),
): Promise<void> => {
  await vaultOver(ports).update(principal, name, value, { now });
};

/** Returns all versions, oldest first. */
export const historyOf = async (
  ports: Ports,
  principal: Principal,
  name: string,
): Promise<readonly StoredVersion[]> => {
  const { versions } = vaultOver(ports);
  const found: StoredVersion[] = [];
  for (let after: number | undefined; ; ) {
    const page = await versions(principal, name, { order: 'asc', limit: 100, after });
    found.push(...page.versions.map(({ stored }) => stored));
    if (page.next === undefined) return found;
    after = page.next;
  }
};

/** Returns the numbers of all versions, and none if the vault says that there is no such secret. */
export const versionsOf = (
  ports: Ports,
  principal: Principal,
  name: string,
): Promise<readonly number[]> =>
  historyOf(ports, principal, name).then(
    (stored) => stored.map(({ version }) => version),
    (error) => {
      if (error instanceof ApiError && error.code === 'not_found') return [];
      throw error;
    },
  );
