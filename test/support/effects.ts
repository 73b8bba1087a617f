/** Counts the effects of a request in the vault, whatever it was answered. */
import { ApiError } from '../../functions/model/errors.ts';
import type { Principal } from '../../functions/model/types.ts';
import type { Ports } from '../../functions/vault/request.ts';
import { newValue, type Operation } from './operations.ts';
import { historyOf } from './secrets.ts';
import { vaultOver } from './vault.ts';

/**
 * Counts the versions of `name` that are in the state in which the operation leaves its versions,
 * such as `stored`. A stored version counts only if it has the value that the operation writes.
 */
const effectsOn = async (
  ports: Ports,
  principal: Principal,
  name: string,
  leaves: Operation['leaves'],
): Promise<number> => {
  const versions = await historyOf(ports, principal, name).catch(() => []);
  let effects = 0;
  for (const { version, state } of versions) {
    if (state !== leaves) continue;
    const isOther =
      state === 'stored' &&
      (await vaultOver(ports).get(principal, name, { version })).text !== newValue;
    if (!isOther) effects += 1;
  }
  return effects;
};

/**
 * Counts the effects of the operation on each name that it writes, and returns the distinct counts.
 * The right result is [1]: each name was changed exactly once.
 */
export const effectsOf = async (
  ports: Ports,
  principal: Principal,
  { writes, leaves }: Operation,
): Promise<readonly number[]> => {
  const found = new Set<number>();
  for (const { name } of writes) found.add(await effectsOn(ports, principal, name, leaves));
  return [...found].sort();
};

/**
 * Expands a file that reads these names. Returns whether all, none or some of them have the value
 * that the operation writes.
 */
export const seenByFile = async (
  ports: Ports,
  principal: Principal,
  names: readonly string[],
): Promise<'all' | 'none' | 'some'> => {
  const file = names.map((name) => `V_${name}=secret(${name})\n`).join('');
  try {
    const { content } = await vaultOver(ports).expand(principal, file);
    const found = content.split(`=${newValue}\n`).length - 1;
    if (found === names.length) return 'all';
    return found === 0 ? 'none' : 'some';
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    const { code, properties } = error;
    return code === 'not_found' && properties.errors?.length === names.length ? 'none' : 'some';
  }
};
