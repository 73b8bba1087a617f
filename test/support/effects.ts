/** Counts the effects of a request in the vault, independently of its answer. */
import type { Principal } from '../../functions/model/types.ts';
import type { Ports } from '../../functions/vault/request.ts';
import { newValue, type Operation } from './operations.ts';
import { codeOf } from './refusals.ts';
import { historyOf } from './secrets.ts';
import { vaultOver } from './vault.ts';

/** The number of versions of `name` in the state that the request leaves. A value must be that of the request. */
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

/** The distinct numbers of effects on the names that the operation writes: [1] is right. */
export const effectsOf = async (
  ports: Ports,
  principal: Principal,
  { writes, leaves }: Operation,
): Promise<readonly number[]> => {
  const found = new Set<number>();
  for (const { name } of writes) found.add(await effectsOn(ports, principal, name, leaves));
  return [...found].sort();
};

/** Whether a file that reads these names gets all of them, none or some. */
export const seenByFile = async (
  ports: Ports,
  principal: Principal,
  names: readonly string[],
): Promise<'all' | 'none' | 'some'> => {
  const content = names.map((name) => `V_${name}=secret(${name})\n`).join('');
  const expand = () => vaultOver(ports).expand(principal, content);
  let missing: readonly { name?: string }[] = [];
  const code = await codeOf(async () => {
    try {
      return await expand();
    } catch (error) {
      missing = (error as { properties?: { errors?: typeof missing } }).properties?.errors ?? [];
      throw error;
    }
  }).catch(() => 'found');
  if (code === 'found') return 'all';
  return code === 'not_found' && missing.length === names.length ? 'none' : 'some';
};
