/** What the verification of a table costs that is larger than one page of a scan. */
import { DeleteItemCommand, ScanCommand } from '@aws-sdk/client-dynamodb';
import { KMSClient } from '@aws-sdk/client-kms';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { limits } from '../../functions/model/limits.ts';
import { sendInProcess } from '../../functions/runtime/in-process.ts';
import { versionSortKey } from '../../functions/store/items.ts';
import { answerWith } from '../../local/kms/embedded-kms.ts';
import { followMasterKey, identityIn, masterKeyFile } from '../../local/kms/key-file.ts';
import { startUnchecked } from '../support/embedded.ts';
import { someone } from '../support/requests.ts';
import { addVersion } from '../support/secrets.ts';
import { vaultOver } from '../support/vault.ts';
import { violationsOf } from '../support/violations.ts';

type Vault = Awaited<ReturnType<typeof startUnchecked>>;

const alice = someone();
/** Each file stores as many names as it may. */
const files = 11;
const versions = files * limits.fileNamesMax;
/** The number of versions that are also opened in three other contexts. */
const triedElsewhere = 1_000;

/** Verifies the whole table, and counts the calls to the store and to the master key. */
const verify = async ({ dynamodb, table, folder, keyArn, vaultId }: Vault) => {
  const calls: string[] = [];
  dynamodb.middlewareStack.add(
    (next, context) => (args) => {
      calls.push(String(context['commandName']));
      return next(args);
    },
    { step: 'initialize', name: 'calls' },
  );
  const file = masterKeyFile(folder, {});
  const answer = answerWith(followMasterKey(file, identityIn(file)));
  let unwraps = 0;
  const kms = sendInProcess(new KMSClient({ region: 'us-east-1' }), (operation, input) => {
    unwraps += 1;
    return answer(operation, input);
  });
  const violations = await violationsOf({
    ...{ table, kms, vaultId, masterKeyId: keyArn },
  });
  dynamodb.middlewareStack.remove('calls');
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

  it('scans each page of 1,000 items once, and unwraps the data key of most versions once', async () => {
    const { violations, calls, unwraps } = await verify(vault);
    expect(violations).toEqual([]);
    expect(calls).toEqual(['ScanCommand', 'ScanCommand']);
    expect(unwraps).toBe(versions + 3 * triedElsewhere);
  });

  it('reads a faulty secret again before it scans the next page', async () => {
    const { dynamodb, tableName } = vault;
    const firstPage = await dynamodb.send(new ScanCommand({ TableName: tableName, Limit: 1 }));
    const pk = firstPage.Items?.[0]?.['pk'] ?? { S: '' };
    const [, name = ''] = pk.S?.split('#SECRET#') ?? [];
    await addVersion(vault.ports, alice, name, 'second');
    await addVersion(vault.ports, alice, name, 'third');
    const Key = { pk, sk: { S: versionSortKey(1) } };
    await dynamodb.send(new DeleteItemCommand({ TableName: tableName, Key }));
    const { violations, calls } = await verify(vault);
    const problem = 'is version 3, but version 1 is missing';
    expect(violations).toEqual([{ pk: pk.S, sk: 'HEAD', problem }]);
    const rereads = Array<string>(3).fill('QueryCommand');
    expect(calls).toEqual(['ScanCommand', ...rereads, 'ScanCommand']);
  });
});
