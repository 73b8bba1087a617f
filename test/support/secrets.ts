/** Makes secrets through the vault itself and reads their history, for tests below HTTP. */
import type { Principal, StoredVersion } from '../../functions/model/types.ts';
import { createSecret } from '../../functions/vault/create-secret.ts';
import { listVersions } from '../../functions/vault/list-versions.ts';
import type { Ports } from '../../functions/vault/request.ts';
import { updateSecret } from '../../functions/vault/update-secret.ts';
import { bytes, requestContext } from './requests.ts';

/** Makes one version for each value, the first at `from`, each one second after the previous. */
export const makeSecret = async (
  ports: Ports,
  principal: Principal,
  name: string,
  values: readonly (string | Uint8Array)[],
  from: number = Date.now(),
): Promise<void> => {
  const [first = '', ...others] = values;
  const request = { name, value: asBytes(first), fingerprint: undefined };
  await createSecret(ports)(requestContext({ now: from }), principal, request);
  for (const [index, value] of others.entries()) {
    await addVersion(ports, principal, name, value, from + (index + 1) * 1000);
  }
};

/** Makes one more version of a secret at `now`. */
export const addVersion = async (
  ports: Ports,
  principal: Principal,
  name: string,
  value: string | Uint8Array,
  now: number = Date.now(),
): Promise<void> => {
  const request = { name, value: asBytes(value), ifMatch: undefined, fingerprint: undefined };
  await updateSecret(ports)(requestContext({ now }), principal, request);
};

const asBytes = (value: string | Uint8Array): Uint8Array =>
  typeof value === 'string' ? bytes(value) : value;

/** All versions, oldest first. */
export const historyOf = async (
  ports: Ports,
  principal: Principal,
  name: string,
): Promise<readonly StoredVersion[]> => {
  const found: StoredVersion[] = [];
  for (let after: number | undefined; ; ) {
    const page = await listVersions(ports)(requestContext(), principal, {
      name,
      order: 'asc',
      limit: 100,
      after,
      includeValues: false,
    });
    found.push(...page.versions.map(({ stored }) => stored));
    if (page.next === undefined) return found;
    after = page.next;
  }
};
