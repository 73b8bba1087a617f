/** The cost of verifying a table that is larger than one page of a scan. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { KeyService } from '../../functions/kms/key-service.ts';
import { limits } from '../../functions/model/limits.ts';
import { versionSortKey } from '../../functions/store/items.ts';
import type { Table } from '../../functions/store/ports.ts';
import { startUnchecked } from '../support/embedded.ts';
import { someone } from '../support/requests.ts';
import { addVersion } from '../support/secrets.ts';
import { vaultOver } from '../support/vault.ts';
import { violationsOf } from '../support/violations.ts';

type Vault = Awaited<ReturnType<typeof startUnchecked>>;

const alice = someone();
/** Each file stores the largest allowed number of names. */
const files = 11;
const versions = files * limits.fileNamesMax;
/** For this many versions, verification also tries to open the value in three other contexts. */
const triedElsewhere = 1_000;

/**
 * Verifies the whole table and counts the pages, the reads of single secrets and the calls to the
 * master key.
 */
const verify = async ({ table, vaultId, masterKey }: Vault) => {
  const calls: string[] = [];
  const counted: Pick<Table, 'pages' | 'get'> = {
    async *pages(pk) {
      for await (const page of table.pages(pk)) {
        calls.push(pk === undefined ? 'page' : 'secret');
        yield page;
      }
    },
    get: table.get,
  };
  let unwraps = 0;
  const countedKey: KeyService = {
    ...masterKey,
    unwrap: (...asked) => {
      unwraps += 1;
      return masterKey.unwrap(...asked);
    },
  };
  const violations = await violationsOf({ table: counted, masterKey: countedKey, vaultId });
  return { violations, calls, unwraps };
};

describe(`the verification of ${versions} versions`, () => {
  let vault: Vault;
  beforeAll(async () => {
    vault = await startUnchecked();
    for (let file = 0; file < files; file += 1) {
      const lines = Array.from(
        { length: limits.fileNamesMax },
        (_, index) => `N${file}_${index}=v\nX${index}=enc(N${file}_${index})\n`,
      );
      await vaultOver(vault.ports).encrypt(alice, lines.join(''));
    }
  });
  afterAll(() => vault.close());

  it('scans each page of 1,000 items once, and unwraps each data key once, and those of 1,000 versions three more times in other contexts', async () => {
    const { violations, calls, unwraps } = await verify(vault);
    expect(violations).toEqual([]);
    expect(calls).toEqual(['page', 'page']);
    expect(unwraps).toBe(versions + 3 * triedElsewhere);
  });

  it('reads a faulty secret again before it scans the next page', async () => {
    const { value: firstPage = [] } = await vault.table.pages().next();
    const pk: string = firstPage[0]?.pk?.S ?? '';
    const [, name = ''] = pk.split('#SECRET#');
    await addVersion(vault.ports, alice, name, 'second');
    await addVersion(vault.ports, alice, name, 'third');
    await vault.raw.remove({ pk: { S: pk }, sk: { S: versionSortKey(1) } });
    const { violations, calls } = await verify(vault);
    const problem = 'is version 3, but version 1 is missing';
    expect(violations).toEqual([{ pk, sk: 'HEAD', problem }]);
    const rereads = Array<string>(3).fill('secret');
    expect(calls).toEqual(['page', ...rereads, 'page']);
  });
});
