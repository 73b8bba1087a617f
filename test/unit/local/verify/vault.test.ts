import {
  type AttributeValue,
  DeleteItemCommand,
  PutItemCommand,
  ScanCommand,
} from '@aws-sdk/client-dynamodb';
import { DecryptCommand } from '@aws-sdk/client-kms';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { open, seal } from '../../../../functions/crypto/envelope.ts';
import { fingerprint } from '../../../../functions/crypto/fingerprint.ts';
import {
  encodeHead,
  encodeVersion,
  type Item,
  secretPartition,
  versionSortKey,
} from '../../../../functions/dynamodb/items.ts';
import { limits } from '../../../../functions/model/limits.ts';
import { formatInstant, type Principal } from '../../../../functions/model/types.ts';
import { createSecret } from '../../../../functions/vault/create-secret.ts';
import { checkOpening, unwrapBy } from '../../../../local/verify/opening.ts';
import {
  checkTimeToLive,
  findViolations,
  type VerifiedVault,
  type Violation,
} from '../../../../local/verify/vault.ts';
import { type Embedded, startEmbedded, tableName } from '../../../support/embedded.ts';
import { bytes, requestContext, someone, vaultId } from '../../../support/requests.ts';
import { addVersion, historyOf, makeSecret } from '../../../support/secrets.ts';
import { vaultOver } from '../../../support/vault.ts';
import { violationsOf } from '../../../support/violations.ts';

const plaintext = 'a-canary-that-no-report-may-hold';
const unreadable = 'has an attribute that is missing, unknown or malformed';
const sealed = 'does not open under its own identity';
const wrapped = 'has a data key that the master key does not unwrap (InvalidCiphertextException)';
const beyond = (version: number) => `is at or beyond the head, which is version ${version}`;
let embedded: Embedded;
let alice: Principal;

const verified = (): VerifiedVault => ({
  dynamodb: embedded.dynamodb,
  kms: embedded.kms,
  vaultId,
  tableName,
  masterKeyId: embedded.keyArn,
});
const verify = (overrides: Partial<VerifiedVault> = {}) =>
  violationsOf({ ...verified(), ...overrides });
/** Verifies while the first answer to `command` is changed by `answer`. */
const answering = async (
  command: string,
  answer: (output: Record<string, unknown>) => Promise<object>,
): Promise<readonly Violation[]> => {
  const { middlewareStack } = embedded.dynamodb;
  middlewareStack.add(
    (next, context) => async (args) => {
      const result = await next(args);
      if (context['commandName'] !== command || !middlewareStack.remove('answering')) return result;
      const output = { ...result.output, ...(await answer({ ...result.output })) };
      return { ...result, output };
    },
    { step: 'initialize', name: 'answering' },
  );
  return verify();
};
const scan = async (): Promise<readonly Item[]> =>
  (await embedded.dynamodb.send(new ScanCommand({ TableName: tableName }))).Items ?? [];
const put = (item: Item) =>
  embedded.dynamodb.send(new PutItemCommand({ TableName: tableName, Item: item }));
const remove = ({ pk, sk }: Item) =>
  embedded.dynamodb.send(
    new DeleteItemCommand({ TableName: tableName, Key: { pk: text(pk?.S), sk: text(sk?.S) } }),
  );
const text = (S = ''): AttributeValue => ({ S });
const find = async (sk: string, name = 'DB'): Promise<Item> => {
  const pk = secretPartition(alice.tenant, name);
  const item = (await scan()).find((each) => each['pk']?.S === pk && each['sk']?.S === sk);
  if (item === undefined) throw new Error(`${pk} ${sk} is not there`);
  return item;
};
const violation = (sk: string, problem: string, name = 'DB'): Violation => ({
  pk: secretPartition(alice.tenant, name),
  sk,
  problem,
});
const first = versionSortKey(1);
const second = versionSortKey(2);

beforeAll(async () => {
  embedded = await startEmbedded();
});
afterAll(() => embedded.close());
beforeEach(async () => {
  for (const item of await scan()) await remove(item);
  alice = someone();
  await makeSecret(embedded.ports, alice, 'DB', ['one', plaintext, 'three']);
});

describe('verifying a vault', () => {
  it('finds nothing wrong with what the vault itself wrote', async () => {
    await makeSecret(embedded.ports, someone(), 'DB', ['of another tenant']);
    await makeSecret(embedded.ports, alice, 'TLS.KEY-1', [new Uint8Array(0), Uint8Array.of(255)]);
    expect(await verify()).toEqual([]);
  });

  it.each(['HEAD', first])('finds every missing or unknown attribute of %s', async (sk) => {
    const item = await find(sk);
    const attributes = Object.keys(item).filter((name) => name !== 'pk' && name !== 'sk');
    for (const name of attributes) {
      const { [name]: _, ...rest } = item;
      await put(rest);
      expect(await verify()).toContainEqual(violation(sk, unreadable));
    }
    await put({ ...item, remark: text('x') });
    expect(await verify()).toContainEqual(violation(sk, unreadable));
  });

  it.each(['createdBy', 'writeId', 'masterKeyId'])('finds another %s', async (name) => {
    await put({ ...(await find('HEAD')), [name]: text('another') });
    expect(await verify()).toEqual([violation('HEAD', sealed)]);
  });

  it.each([
    ['iv', second, 0, sealed],
    ['ciphertext', second, 0, sealed],
    ['commitment', second, 0, sealed],
    ['wrappedDataKey', 'HEAD', 40, wrapped],
  ])('finds a changed bit of %s', async (name, sk, index, problem) => {
    const item = await find(sk);
    const changed = Uint8Array.from(item[name]?.B ?? []);
    changed[index] = (changed[index] ?? 0) ^ 1;
    await put({ ...item, [name]: { B: changed } });
    expect(await verify()).toEqual([violation(sk, problem)]);
  });

  it('finds records that were sealed under another master key', async () => {
    const other = await startEmbedded();
    try {
      const problem = 'has a data key that the master key does not unwrap (IncorrectKeyException)';
      const found = await verify({ kms: other.kms, masterKeyId: other.keyArn });
      expect(found).toHaveLength(3);
      expect(found).toContainEqual(violation('HEAD', problem));
    } finally {
      await other.close();
    }
  });

  it('finds a record that was moved to another secret', async () => {
    const moved = { ...(await find('HEAD')), version: { N: '1' } };
    await put({ ...moved, pk: text(secretPartition(alice.tenant, 'MOVED')), name: text('MOVED') });
    expect(await verify()).toContainEqual(violation('HEAD', wrapped, 'MOVED'));
  });

  // Shows G14.
  it('finds a version that is missing', async () => {
    await remove(await find(first));
    const problem = 'is version 3, but version 1 is missing';
    expect(await verify()).toEqual([violation('HEAD', problem)]);
  });

  it('finds a forged deletion with the highest number, and names the missing versions once', async () => {
    const { pk, format, vault, validFrom, createdBy, writeId } = await find('HEAD');
    const facts = { pk, format, vault, validFrom, createdBy, writeId, name: text('DB') };
    const version = { N: String(limits.versionMax) };
    const tenant = text(`${alice.tenant}#DELETED`);
    await put({ ...facts, sk: text('HEAD'), state: text('deleted'), version, tenant } as Item);
    const until = Date.parse(validFrom?.S ?? '');
    expect(await verify()).toEqual([
      violation(second, `ends at ${formatInstant(until)}, but version 3 is not there`),
      violation('HEAD', 'is version 999999999, but versions 3 to 999999998 are missing'),
    ]);
  });

  it('yields each violation before it reads the next page', async () => {
    const { middlewareStack } = embedded.dynamodb;
    await remove(await find('HEAD'));
    await put({ ...(await find(first)), createdBy: text('another') });
    let scans = 0;
    middlewareStack.add(
      (next, context) => async (args) => {
        if (context['commandName'] !== 'ScanCommand') return await next(args);
        scans += 1;
        if (scans === 2) throw new Error('the store is away');
        const result = await next(args);
        return { ...result, output: { ...result.output, LastEvaluatedKey: { pk: text('x') } } };
      },
      { step: 'initialize', name: 'away' },
    );
    const found: string[] = [];
    try {
      for await (const { problem } of findViolations(verified())) found.push(problem);
    } catch (error) {
      found.push(String(error));
    } finally {
      middlewareStack.remove('away');
    }
    expect(found).toEqual([sealed, 'Error: the store is away']);
  });

  it('finds versions without a head', async () => {
    await remove(await find('HEAD'));
    const problem = 'is a version without a head';
    expect(await verify()).toEqual([violation(first, problem), violation(second, problem)]);
  });

  // Shows G14.
  it('finds an older version that was put back as head', async () => {
    const { validTo: _, ...older } = await find(second);
    const head = { ...older, sk: text('HEAD'), tenant: text(alice.tenant), name: text('DB') };
    await put(head);
    expect(await verify()).toEqual([violation(second, beyond(2))]);
  });

  it('finds a version beyond the head', async () => {
    const sk = versionSortKey(9);
    await put({ ...(await find(second)), sk: text(sk), version: { N: '9' } });
    expect(await verify()).toContainEqual(violation(sk, beyond(3)));
  });

  it('finds an interval that does not end where the next begins', async () => {
    const item = await find(first);
    const validTo = item['validTo']?.S ?? '';
    const later = new Date(Date.parse(validTo) + 1).toISOString();
    await put({ ...item, validTo: text(later) });
    const problem = `ends at ${later}, but version 2 begins at ${validTo}`;
    expect(await verify()).toEqual([violation(first, problem)]);
  });

  describe('with a deletion, a destroyed version and notes', () => {
    const noValue = 'is a deletion that follows no value';
    const third = versionSortKey(3);
    const fourth = versionSortKey(4);

    beforeEach(async () => {
      const { create, delete: remove, destroy } = vaultOver(embedded.ports);
      const now = Date.now();
      const keyed = (after: number) => ({ now: now + after, key: `a-key-of-a-request-${after}` });
      await remove(alice, 'DB', { note: 'no longer used', ...keyed(10_000) });
      await create(alice, 'DB', 'five', keyed(20_000));
      await destroy(alice, 'DB', 2, { now: now + 30_000 });
      await makeSecret(embedded.ports, alice, 'GONE', ['one']);
      await remove(alice, 'GONE', { now: now + 10_000 });
    });
    /** The deletion of DB as another version, as far as nothing else forbids it. */
    const deletionAs = async (sk: string): Promise<Item> => {
      const replaced = await find(sk);
      const { validFrom, writeId, version } = replaced;
      const ends = replaced['validTo'] && { validTo: replaced['validTo'] };
      const { pk: _, note: __, validTo: ___, ...deletion } = await find(fourth);
      const own = { sk: text(sk), ...ends } as Item;
      return { ...deletion, ...own, pk: replaced['pk'], validFrom, writeId, version } as Item;
    };

    it('finds nothing wrong', async () => {
      expect(await verify()).toEqual([]);
    });

    it('finds a deletion that follows a deletion', async () => {
      await put(await deletionAs(third));
      expect(await verify()).toEqual([violation(fourth, noValue)]);
    });

    it('finds a first version that is a deletion', async () => {
      await put(await deletionAs(first));
      expect(await verify()).toEqual([violation(first, noValue)]);
    });

    it('finds a destroyed version that was put back as head', async () => {
      const { validTo: _, ...destroyed } = await find(second);
      await put({ ...destroyed, sk: text('HEAD'), tenant: text(alice.tenant), name: text('DB') });
      expect(await verify()).toContainEqual(violation('HEAD', 'is a head without its value'));
    });

    it('finds a destroyed version at or beyond the head', async () => {
      const destroyed = await find(second);
      for (const version of [5, 6]) {
        const sk = versionSortKey(version);
        await put({ ...destroyed, sk: text(sk), version: { N: String(version) } });
        expect(await verify()).toContainEqual(violation(sk, beyond(5)));
      }
    });

    it('finds a deleted head in the partition of the index for stored secrets', async () => {
      await put({ ...(await find('HEAD', 'GONE')), tenant: text(alice.tenant) });
      expect(await verify()).toContainEqual(violation('HEAD', unreadable, 'GONE'));
    });

    it.each([first, second, fourth, 'HEAD'])(
      'finds that %s belongs to another vault',
      async (sk) => {
        await put({ ...(await find(sk)), vault: text('another-vault') });
        expect(await verify()).toContainEqual(violation(sk, 'belongs to another vault'));
      },
    );

    it.each(['note', 'createdBy'])('finds a forged %s of a value', async (attribute) => {
      await put({ ...(await find('HEAD')), [attribute]: text('another') });
      expect(await verify()).toEqual([violation('HEAD', sealed)]);
    });
  });

  it('finds two versions that one request wrote, or that share a data key', async () => {
    const secret = { tenant: alice.tenant, name: 'TWICE' };
    const key = await embedded.ports.dataKeys
      .for(requestContext())
      .generate({ vault: vaultId, ...secret });
    const [one, two] = [1, 2].map((version) => {
      const written = { version, validFrom: version * 1000, createdBy: 'alice', writeId: 'once' };
      const { masterKeyId, wrapped: wrappedDataKey } = key;
      const identity = { vault: vaultId, ...secret, ...written, masterKeyId };
      const opened = Uint8Array.from(key.plaintext);
      const sealed = seal(bytes('x'), opened, identity);
      return { ...identity, ...sealed, state: 'stored' as const, wrappedDataKey };
    });
    if (one === undefined || two === undefined) throw new Error('no versions');
    await put(encodeVersion(one, two.validFrom));
    await put(encodeHead(two));
    const found = await verify();
    expect(found).toContainEqual(violation('HEAD', 'was written with version 1 at once', 'TWICE'));
    const shared = found.filter(({ problem }) => problem === 'has the data key of another version');
    expect(shared).toHaveLength(1);
  });

  it.each([
    ['X', 'HEAD'],
    ['TENANT#a#OTHER#X', 'HEAD'],
    ['TENANT#a b#SECRET#X', 'HEAD'],
    ['TENANT#a#SECRET#1X', 'HEAD'],
    ['TENANT#a#SECRET#X', 'VERSION#42'],
    ['TENANT#a#SECRET#X', 'HEAD2'],
    ['TENANT#a#ABSENT#X', 'HEAD'],
    ['TENANT#a#IDEMPOTENCY#short', 'RECORD'],
  ])('finds an unknown item %s %s', async (pk, sk) => {
    await put({ ...(await find('HEAD')), pk: text(pk), sk: text(sk) });
    expect(await verify()).toEqual([{ pk, sk, problem: 'is no item of the vault' }]);
  });

  it('opens nothing while the master key cannot be used, and says so', async () => {
    embedded.setKeyState('Disabled');
    try {
      await expect(verify()).rejects.toThrow(
        'the master key cannot be used, so no record can be verified',
      );
    } finally {
      embedded.setKeyState('Enabled');
    }
  });

  it.each([
    ['is absent, as after a restore', undefined, 1],
    ['is off', { TimeToLiveStatus: 'DISABLED', AttributeName: 'expiresAt' }, 1],
    ['reads another attribute', { TimeToLiveStatus: 'ENABLED', AttributeName: 'validTo' }, 1],
    ['is on', { TimeToLiveStatus: 'ENABLED', AttributeName: 'expiresAt' }, 0],
    ['is being turned on', { TimeToLiveStatus: 'ENABLING', AttributeName: 'expiresAt' }, 0],
  ] as const)('judges a table whose time to live %s', async (_, found, violations) => {
    const send = async () => ({ TimeToLiveDescription: found });
    const dynamodb = Object.assign(Object.create(embedded.dynamodb), { send });
    const problem = 'the table keeps expired records: its time to live is not on for expiresAt';
    expect(await checkTimeToLive({ dynamodb, tableName })).toEqual(
      violations === 0 ? [] : [{ pk: '', sk: '', problem }],
    );
  });

  it('finds a table that is replicated to other Regions', async () => {
    const Replicas = [{ RegionName: 'eu-west-1' }];
    const found = await answering('DescribeTableCommand', async () => ({ Table: { Replicas } }));
    const problem = 'the table is replicated to eu-west-1, where the last writer wins';
    expect(found).toEqual([{ pk: '', sk: '', problem }]);
  });

  it('shows no value, whatever is wrong', async () => {
    await put({ ...(await find(second)), createdBy: text('another') });
    const found = JSON.stringify(await verify());
    for (const form of ['utf8', 'base64', 'hex'] as const) {
      expect(found).not.toContain(Buffer.from(plaintext).toString(form));
    }
  });
});

describe('verifying the records of keyed requests', () => {
  let record: Item;

  beforeEach(async () => {
    const keyed = fingerprint('0123456789abcdef', alice, ['create-secret']);
    const request = { name: 'KEYED', value: bytes('x'), fingerprint: keyed };
    await createSecret(embedded.ports)(requestContext(), alice, request);
    const found = (await scan()).find((item) => item['sk']?.S === 'RECORD');
    if (found === undefined) throw new Error('no record');
    record = found;
  });
  const problemsOf = async (changed: Item): Promise<readonly string[]> => {
    await put({ ...record, ...changed });
    return (await verify()).map(({ sk, problem }) => `${sk} ${problem}`);
  };
  const written = (members: Item): Item => ({
    written: { L: [{ M: { ...record['written']?.L?.[0]?.M, ...members } }] },
  });

  it('finds nothing wrong with a record that tells what was done', async () => {
    expect(await verify()).toEqual([]);
  });

  it('finds a record of a missing write', async () => {
    const lost = 'RECORD tells of a write of KEYED 1 that is not there';
    expect(await problemsOf({ writeId: text('another') })).toEqual([lost]);
    const validFrom = text('2020-01-01T00:00:00.000Z');
    expect(await problemsOf(written({ validFrom }))).toEqual([lost]);
    expect(await problemsOf(written({ name: text('OTHER') }))).toEqual([
      lost.replace('KEYED', 'OTHER'),
    ]);
  });

  it('reads the versions of a record again, which a transaction may show after it', async () => {
    expect(await answering('GetItemCommand', async () => ({ Item: undefined }))).toEqual([]);
  });

  it('finds a record of a read of a version that never existed', async () => {
    const resolved = { L: [{ M: { name: text('DB'), version: { N: '4' } } }] };
    const unknown = 'RECORD tells of a read of DB 4, which never had a value';
    expect(await problemsOf({ resolved })).toEqual([unknown]);
  });

  it('finds a value that was turned into a deletion with its own number, writer and beginning', async () => {
    const turned = async (name: string): Promise<void> => {
      const { pk, sk, format, vault, version, validFrom, createdBy, writeId } = await find(
        'HEAD',
        name,
      );
      const facts = { pk, sk, format, vault, version, validFrom, createdBy, writeId };
      const tenant = text(`${alice.tenant}#DELETED`);
      await put({ ...facts, state: text('deleted'), name: text(name), tenant } as Item);
    };
    const { update } = vaultOver(embedded.ports);
    await update(alice, 'DB', 'four', { key: 'a-key-of-an-update' });
    await turned('DB');
    expect(await verify()).toEqual([
      expect.objectContaining({
        problem: 'tells of a write of DB 4 that is not there',
      }),
    ]);
    // Nothing but a record of the value tells its deletion from a genuine one.
    for (const item of await scan()) if (item['sk']?.S === 'RECORD') await remove(item);
    expect(await verify()).toEqual([]);
    const resolved = { L: [{ M: { name: text('DB'), version: { N: '4' } } }] };
    const read = 'RECORD tells of a read of DB 4, which never had a value';
    expect(await problemsOf({ resolved })).toEqual([read]);
  });

  it('finds a record with an unknown attribute', async () => {
    expect(await problemsOf({ remark: text('x') })).toEqual([`RECORD ${unreadable}`]);
  });
});

describe('verifying while the vault serves', () => {
  it('reads again the items that a scan saw at different moments', async () => {
    const found = await answering('ScanCommand', async (before) => {
      await addVersion(embedded.ports, alice, 'DB', 'four', Date.now() + 10_000);
      await addVersion(embedded.ports, alice, 'DB', 'five', Date.now() + 20_000);
      const isHead = (item: Item) => item['sk']?.S === 'HEAD';
      const heads = (before['Items'] as Item[]).filter(isHead);
      return { Items: [...heads, ...(await scan()).filter((item) => !isHead(item))] };
    });
    expect(found).toEqual([]);
    expect(await historyOf(embedded.ports, alice, 'DB')).toHaveLength(5);
  });
});

describe('checkOpening', () => {
  const headOf = async () => {
    const stored = (await historyOf(embedded.ports, alice, 'DB')).at(-1);
    if (stored?.state !== 'stored') throw new Error('no head with a value');
    return stored;
  };
  const key = (kms = embedded.kms) => ({
    vaultId,
    unwrap: unwrapBy(kms, embedded.keyArn, vaultId),
  });

  it.each([
    'vault',
    'tenant',
    'name',
    'version',
    'validFrom',
    'createdBy',
    'writeId',
    'masterKeyId',
    'note',
  ] as const)('notices a seal that does not bind %s', async (field) => {
    const stored = await headOf();
    const lax: typeof open = (sealed, dataKey, identity) =>
      open(sealed, dataKey, { ...identity, [field]: stored[field] });
    expect(await checkOpening(key(), stored, true, lax)).toEqual([
      `opens with another ${field} too`,
    ]);
  });

  it('takes a denial of the id of another vault, and of no other id, for a refusal', async () => {
    const stored = await headOf();
    const denying = (isDenied: (vault?: string) => boolean) =>
      Object.assign(Object.create(embedded.kms), {
        send: (command: DecryptCommand) => {
          if (!isDenied(command.input.EncryptionContext?.['vault']))
            return embedded.kms.send(command);
          throw Object.assign(new Error('denied'), { name: 'AccessDeniedException' });
        },
      });
    const asOnAws = denying((vault) => vault !== vaultId);
    expect(await checkOpening(key(asOnAws), stored, true)).toEqual([]);
    const useless = denying((vault) => vault === vaultId);
    await expect(checkOpening(key(useless), stored, true)).rejects.toThrow(
      'the master key cannot be used, so no record can be verified: denied',
    );
  });

  it.each(['vault', 'tenant', 'name'] as const)('notices a KMS that ignores %s', async (member) => {
    const stored = await headOf();
    const { tenant, name } = stored;
    const own = { vault: vaultId, tenant, name };
    const kms = Object.assign(Object.create(embedded.kms), {
      send: (command: DecryptCommand) =>
        embedded.kms.send(
          new DecryptCommand({
            ...command.input,
            EncryptionContext: { ...command.input.EncryptionContext, [member]: own[member] },
          }),
        ),
    });
    expect(await checkOpening(key(kms), stored, true)).toEqual([
      'has a data key that unwraps for another too',
    ]);
  });
});
