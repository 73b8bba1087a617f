/** The backup of `npm start`: taken while it serves, restored after its data folder is lost, and refused where it does not fit. */
import { createHash, randomUUID } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, it } from '@jest/globals';
import { setKeyState } from '../../local/kms/key-file.ts';
import { storeFile } from '../../local/sqlite/database.ts';
import { freshFolder, runLocal } from '../support/local-process.ts';
import { describeLocal, freshName, type Reply, useVault } from '../support/running-vault.ts';
import { until, untilSeen } from '../support/until.ts';

const begin = (program: string, dataDir: string, args: readonly string[], env = {}) =>
  runLocal(program, args, { VAULT_DATA_DIR: dataDir, PORT: '0', ...env });
const run = async (program: string, dataDir: string, ...args: readonly string[]) => {
  const { exit, output, errors } = begin(program, dataDir, args);
  return { code: await exit, output, errors };
};
/** The output of a program that did its work. On stderr it may have told how far it was. */
const succeed = async (...of: Parameters<typeof run>): Promise<readonly string[]> => {
  const { code, output, errors } = await run(...of);
  if (code !== 0) throw new Error(errors.join('\n'));
  return output;
};
const isVerified = async (dataDir: string) => {
  const { code, output, errors } = await run('inspect', dataDir, '--verify');
  expect([code, errors, output.at(-1)]).toEqual([0, [], 'verified the whole table: no violations']);
};
type Inspected = {
  readonly items: readonly {
    readonly sk: string;
    readonly name?: string;
    readonly version: number;
  }[];
};

const hashOf = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

/** A data folder as the page of deploying begins a restore: it holds the master key, and nothing else. */
const folderWithKey = (keyOf: string, dataDir = freshFolder()): string => {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  copyFileSync(join(keyOf, 'kms.json'), join(dataDir, 'kms.json'));
  return dataDir;
};

describeLocal('for npm start', () => {
  const vault = useVault();
  const backups = freshFolder();
  const file = join(backups, 'vault.backup');
  const destroyedBefore = freshName('GONE');
  const current = freshName('CURRENT');
  const superseded = freshName('SUPERSEDED');
  beforeAll(async () => {
    for (const name of [destroyedBefore, superseded, current]) {
      await vault.create('one', name);
      await vault.ask('PUT', `/v1/secrets/${name}`, { value: 'two' });
    }
    await vault.ask('DELETE', `/v1/secrets/${destroyedBefore}/versions/1`);
    await vault.ask('DELETE', `/v1/secrets/${destroyedBefore}`, { note: 'no longer used' });
    await succeed('backup', vault.dataDir, file);
  });

  it('a killed restore leaves nothing that starts as a vault, and can be run again', async () => {
    const restoreAndKill = async () => {
      const dataDir = folderWithKey(vault.dataDir);
      const { child, exit } = begin('restore', dataDir, [file]);
      await until(() => existsSync(join(dataDir, 'restore')) || child.exitCode !== null);
      child.kill('SIGKILL');
      return { dataDir, code: await exit, hasStore: existsSync(join(dataDir, storeFile)) };
    };
    // On a slow machine a restore may be complete before it is killed.
    const { dataDir } = await untilSeen(
      restoreAndKill,
      ({ code, hasStore }) => code === null && !hasStore,
    );
    const started = begin('start', dataDir, []);
    // The signal must not reach a program that is ending by itself: it would change the exit code.
    await until(() => started.output.length > 0 || started.child.exitCode !== null);
    started.child.kill('SIGTERM');
    expect([await started.exit, started.output]).toEqual([1, []]);
    expect(started.errors).toEqual([
      expect.stringMatching(/^a restore .* run npm run restore again/),
    ]);
    await succeed('restore', dataDir, file);
    await isVerified(dataDir);
    expect(readdirSync(dataDir).sort()).toEqual([
      'key-check.json',
      'kms.json',
      'lock',
      'vault.json',
      'vault.sqlite',
      // Reading leaves SQLite's own files, empty.
      'vault.sqlite-shm',
      'vault.sqlite-wal',
    ]);
  });

  it.each<[string, RegExp, (dataDir: string) => void, NodeJS.ProcessEnv]>([
    [
      'without the master key',
      /^the master key is missing: copy the kms\.json of the lost data folder to \/.*\/kms\.json/,
      (dataDir) => rmSync(join(dataDir, 'kms.json')),
      {},
    ],
    [
      'with another master key',
      /kms\.json holds the master key [-0-9a-f]{36}, and the values of the backup need [-0-9a-f]{36}: copy/,
      (dataDir) => {
        const key = JSON.parse(readFileSync(join(dataDir, 'kms.json'), 'utf8'));
        writeFileSync(join(dataDir, 'kms.json'), JSON.stringify({ ...key, keyId: randomUUID() }));
      },
      {},
    ],
    [
      'whose master key has the right id and other material',
      /^\S+kms\.json has the id of the vault's master key, but does not open 5 stored values of the backup: put/,
      (dataDir) => {
        const key = JSON.parse(readFileSync(join(dataDir, 'kms.json'), 'utf8'));
        const keyMaterial = Buffer.alloc(32, 7).toString('base64');
        writeFileSync(join(dataDir, 'kms.json'), JSON.stringify({ ...key, keyMaterial }));
      },
      {},
    ],
    [
      'of another vault',
      /^the backup is of the vault vault-[0-9a-f]{16}, and the data folder \S+ is of the vault other:/,
      (dataDir) => writeFileSync(join(dataDir, 'vault.json'), '{"id":"other"}'),
      {},
    ],
    [
      'with a store',
      /^the data folder \S+ holds a store already/,
      (dataDir) => writeFileSync(join(dataDir, storeFile), ''),
      {},
    ],
    [
      'with the last writes of a store that was killed',
      /^the data folder \S+ holds a store already \(vault\.sqlite-wal\)/,
      (dataDir) => writeFileSync(join(dataDir, `${storeFile}-wal`), ''),
      {},
    ],
    [
      'with data in DynamoDB Local',
      /^the data of \S+ are in DynamoDB Local, which npm start does not run any more/,
      (dataDir) => mkdirSync(join(dataDir, 'dynamodb-local')),
      {},
    ],
    [
      'with the store of 1.0.0',
      /^\S+ holds data of release 1\.0\.0 or older \(store\.sqlite\): make a backup with that release/,
      (dataDir) => writeFileSync(join(dataDir, 'store.sqlite'), ''),
      {},
    ],
    [
      'of a node that has yet to start',
      /^the node of \S+ does not run: start it/,
      () => undefined,
      { VAULT_NODE: '1' },
    ],
    [
      'whose store is elsewhere',
      /^AWS_ENDPOINT_URL_DYNAMODB names a store elsewhere/,
      () => undefined,
      { AWS_ENDPOINT_URL_DYNAMODB: 'http://127.0.0.1:1' },
    ],
  ])('restore refuses a data folder %s', async (_, sentence, prepare, env) => {
    const dataDir = folderWithKey(vault.dataDir);
    prepare(dataDir);
    const before = readdirSync(dataDir);
    const { exit, output, errors } = begin('restore', dataDir, [file], env);
    expect([await exit, output]).toEqual([1, []]);
    expect(errors.at(-1)).toMatch(sentence);
    expect(readdirSync(dataDir).filter((name) => name !== 'lock')).toEqual(before);
  });

  it('restore remembers the key that has opened values of the backup, and none while it is disabled', async () => {
    const check = (dataDir: string) => readFileSync(join(dataDir, 'key-check.json'), 'utf8');
    const proved = folderWithKey(vault.dataDir);
    await succeed('restore', proved, file);
    expect(check(proved)).toBe(check(vault.dataDir));
    const disabled = folderWithKey(vault.dataDir);
    setKeyState(join(disabled, 'kms.json'), 'Disabled');
    await succeed('restore', disabled, file);
    expect(readdirSync(disabled)).not.toContain('key-check.json');
  });

  it('restore refuses the data folder of a running vault, and a file that is cut off', async () => {
    const onRunning = await run('restore', vault.dataDir, file);
    expect([onRunning.code, onRunning.errors.at(-1)]).toEqual([
      1,
      expect.stringMatching(/^another vault is using the data/),
    ]);
    const part = join(backups, 'part.backup');
    writeFileSync(part, readFileSync(file).subarray(0, -9));
    const dataDir = folderWithKey(vault.dataDir);
    const ofPart = await run('restore', dataDir, part);
    expect([ofPart.code, ofPart.errors.at(-1)]).toEqual([
      1,
      expect.stringMatching(/part\.backup is cut off/),
    ]);
    expect(readdirSync(dataDir).sort()).toEqual(['kms.json', 'lock']);
  });

  it('backup refuses a data folder without a vault, and a store elsewhere, and makes no file', async () => {
    const refused = join(backups, 'refused.backup');
    const env = { AWS_ENDPOINT_URL_DYNAMODB: 'http://127.0.0.1:1' };
    for (const [sentence, { exit, output, errors }] of [
      [/^there is no vault in the data folder/, begin('backup', freshFolder(), [refused])],
      [/names a store elsewhere/, begin('backup', vault.dataDir, [refused], env)],
    ] as const) {
      expect([await exit, output]).toEqual([1, []]);
      expect(errors.at(-1)).toMatch(sentence);
    }
    expect(readdirSync(backups).filter((name) => name.includes('refused'))).toEqual([]);
  });

  it('restore --redo-destroys reads the log, and destroys again what was destroyed after the backup', async () => {
    const destroy = async (name: string, version: number) => {
      const { status } = await vault.ask('DELETE', `/v1/secrets/${name}/versions/${version}`);
      expect(status).toBe(200);
    };
    const later = await vault.create();
    for (const name of [current, later])
      await vault.ask('PUT', `/v1/secrets/${name}`, { value: 'three' });
    await destroy(superseded, 1);
    await destroy(current, 2);
    await destroy(later, 1);
    const dataDir = folderWithKey(vault.dataDir);
    await succeed('restore', dataDir, file);

    const log = join(vault.dataDir, 'log');
    const redo = () => run('restore', dataDir, '--redo-destroys', log);
    const first = await redo();
    const tenant = /^destroyed again: tenant (\S+), /.exec(first.output[0] ?? '')?.[1];
    const left = [
      '1 version destroyed already',
      '1 version not in the backup',
      `NOT destroyed, because it is the current version: tenant ${tenant}, ${current} version 2`,
      'Update or delete these secrets, and then run npm run restore -- --redo-destroys again.',
    ];
    expect(first).toEqual({
      code: 1,
      errors: [],
      output: [
        `destroyed again: tenant ${tenant}, ${superseded} version 1`,
        '1 version destroyed again',
        ...left,
      ],
    });
    expect((await redo()).output.slice(0, 2)).toEqual([
      '0 versions destroyed again',
      '2 versions destroyed already',
    ]);
    const inspected = await run('inspect', dataDir, '--secret', superseded, '--verify');
    expect(inspected.output).toContain('    destroyedBy: alice');
    await isVerified(dataDir);
  });

  it('restore --preview says what a restore then loses and changes no byte, and a pin of before is refused', async () => {
    const names = ['EDITED', 'DELETED', 'DESTROYED', 'KEYED'].map((word) => freshName(word));
    const [edited = '', deleted = '', destroyed = '', keyed = ''] = names;
    for (const name of [edited, deleted, destroyed]) await vault.create('one', name);
    await vault.ask('PUT', `/v1/secrets/${destroyed}`, { value: 'two' });
    const before = join(backups, 'before.backup');
    await succeed('backup', vault.dataDir, before);
    const preview = () => run('restore', vault.dataDir, '--preview', before);
    expect(await preview()).toMatchObject({
      ...{ code: 0, errors: [] },
      output: [
        expect.stringMatching(/^in use: \S+: the vault \S+, as it was at /),
        expect.stringMatching(/^backup: \S+before\.backup: the vault \S+, as it was at /),
        'A restore would lose nothing.',
      ],
    });

    const written = { value: 'two', note: 'audited' };
    const lostVersion = await vault.ask('PUT', `/v1/secrets/${edited}`, written);
    await vault.ask('DELETE', `/v1/secrets/${deleted}`);
    await vault.ask('DELETE', `/v1/secrets/${destroyed}/versions/1`);
    const key = { 'Idempotency-Key': randomUUID() };
    const body = { name: keyed, value: 'one' };
    const token = vault.token();
    const made = await vault.call('POST', '/v1/secrets', { token, body, headers: key });
    expect(made.status).toBe(201);
    /** The store's files but for SQLite's index of its log, into which every reader writes. */
    const filesOf = (dataDir: string) =>
      readdirSync(dataDir)
        .filter((name) => /^vault\.sqlite(-wal)?$/.test(name))
        .map((name) => [name, hashOf(readFileSync(join(dataDir, name)))]);
    const files = filesOf(vault.dataDir);
    const { code, output, errors } = await preview();
    const tenant = /tenant (\S+), /.exec(output.join())?.[1];
    const of = (name: string) => `  tenant ${tenant}, ${name}`;
    expect([code, errors, output.slice(2)]).toEqual([
      1,
      [],
      [
        '3 versions would vanish, and each number would be given twice:',
        `${of(deleted)} version 2 by alice, a deletion`,
        `${of(edited)} version 2 by alice: audited`,
        `${of(keyed)} version 1 by alice`,
        '1 deleted secret would come back:',
        `${of(deleted)} version 2 by alice, a deletion`,
        '1 destroyed value would come back:',
        `${of(destroyed)} version 1 by alice, destroyed by alice`,
        '1 keyed request would be forgotten, and a repetition would act again:',
        expect.stringMatching(`^  tenant ${tenant}, create-secret ${keyed}@1, until 20\\d\\d-`),
        'In all: 3 versions, 1 deleted secret, 1 destroyed value, 1 keyed request.',
      ],
    ]);
    expect(filesOf(vault.dataDir)).toEqual(files);

    await vault.kill9();
    const stopped = filesOf(vault.dataDir);
    expect((await preview()).output.slice(2)).toEqual(output.slice(2));
    expect(filesOf(vault.dataDir)).toEqual(stopped);
    // What a restore loses, by the items themselves.
    const versionsIn = async () => {
      const { items } = JSON.parse((await succeed('inspect', vault.dataDir, '--json')).join(''));
      return new Set<string>(
        items.map(
          ({ pk, version, writeId }: Record<string, string>) => `${pk} ${version} ${writeId}`,
        ),
      );
    };
    const held = await versionsIn();
    for (const name of readdirSync(vault.dataDir).filter((one) => one.startsWith(storeFile))) {
      rmSync(join(vault.dataDir, name));
    }
    await succeed('restore', vault.dataDir, before);
    const restored = await versionsIn();
    const lost = [...held].filter((one) => !restored.has(one)).map((one) => one.split(/[# ]/));
    expect(lost.map(([, , kind, name]) => (kind === 'SECRET' ? name : kind)).sort()).toEqual(
      [deleted, edited, keyed, 'IDEMPOTENCY'].sort(),
    );
    await vault.restart();

    // The number of the lost version is given again. A pin of before names another version.
    const anchor = lostVersion.json.anchor;
    const again = await vault.ask('PUT', `/v1/secrets/${edited}`, { value: 'another' });
    expect(again.json).toMatchObject({
      version: 2,
      anchor: expect.not.stringMatching(`${anchor}`),
    });
    const expand = (pin: string) =>
      vault.ask('POST', '/v1/env/expand', { content: `# pinned\nX=secret(${edited}@${pin})\n` });
    expect((await expand('2')).json.content).toBe('# pinned\nX=another\n');
    expect(await expand(`2.${anchor}`)).toMatchObject({
      status: 409,
      json: {
        code: 'pin_mismatch',
        errors: [{ line: 2, column: 3, code: 'pin_mismatch', name: edited }],
      },
    });
    const write = { 'If-Match': `"2.${anchor}"` };
    const refused = await vault.ask('PUT', `/v1/secrets/${edited}`, { value: 'three' }, write);
    expect(refused).toMatchObject({ status: 412, json: { currentVersion: 2 } });
    const own = { 'If-Match': `"2.${again.json.anchor}"` };
    const done = await vault.ask('PUT', `/v1/secrets/${edited}`, { value: 'three' }, own);
    expect(done).toMatchObject({ status: 200, json: { version: 3 } });
    expect(readdirSync(backups).filter((name) => name.startsWith('.'))).toEqual([]);
  });

  it('restore --preview ends with exit code 2 where backup and store cannot be compared', async () => {
    const dataDir = folderWithKey(vault.dataDir);
    await succeed('restore', dataDir, file);
    const cutOff = join(backups, 'cut-off.backup');
    writeFileSync(cutOff, readFileSync(file).subarray(0, -9));
    const preview = async (backup: string, sentence: RegExp) => {
      const { code, output, errors } = await run('restore', dataDir, '--preview', backup);
      expect([code, output, errors]).toEqual([2, [], [expect.stringMatching(sentence)]]);
    };
    await preview(cutOff, /^\S+cut-off\.backup is cut off: /);
    await preview(join(dataDir, 'kms.json'), /^\S+ is no backup that npm run backup made$/);
    writeFileSync(join(dataDir, 'vault.json'), '{"id":"other"}');
    await preview(file, /^the backup is of the vault vault-[0-9a-f]{16}, and the store of other$/);
    rmSync(join(dataDir, storeFile));
    await preview(file, /^there is no vault in the data folder /);
  });

  it('restore gives back every secret with its history after the data folder is lost', async () => {
    /** Follows the pages of a list. */
    const readList = async (token: string, path: string) => {
      const found: Reply['json'][] = [];
      for (let cursor: string | null | undefined = ''; cursor !== null; ) {
        const { json } = await vault.call('GET', `${path}${cursor}`, { token });
        found.push(json);
        cursor = json.nextCursor && `&cursor=${json.nextCursor}`;
      }
      return found;
    };
    const readAll = async () => {
      const token = vault.token();
      const lists = ['stored', 'deleted'].map((state) =>
        readList(token, `/v1/secrets?state=${state}`),
      );
      const names = (await Promise.all(lists)).flat().flatMap((page) => page.names ?? []);
      expect(names.length).toBeGreaterThanOrEqual(3);
      const histories = names.map(async (name) => {
        const pages = await readList(token, `/v1/secrets/${name}/versions?include=values`);
        return [name, pages.flatMap(({ versions }) => versions ?? [])] as const;
      });
      return Object.fromEntries(await Promise.all(histories));
    };
    const before = await readAll();
    const all = join(backups, 'all.backup');
    const made = await succeed('backup', vault.dataDir, all, '--json');
    const secrets = Object.keys(before).length;
    expect(JSON.parse(made.join('')).manifest).toMatchObject({ secrets, deletedSecrets: 1 });
    const key = folderWithKey(vault.dataDir);
    await vault.kill9();
    rmSync(vault.dataDir, { recursive: true });
    folderWithKey(key, vault.dataDir);
    const restored = await succeed('restore', vault.dataDir, all);
    expect(restored.at(-1)).toContain('npm run -s inspect -- --verify');
    await isVerified(vault.dataDir);
    await vault.restart();
    expect(await readAll()).toEqual(before);
  });

  // After the others, which read all that the vault holds. The restored folder has another key for tokens.
  it('backup copies one moment, although a caller goes on writing one secret after the other', async () => {
    // A scan comes to one of them first, then to some MB of others, and then to the other one.
    const names = [freshName('A'), freshName('Z')] as const;
    const token = vault.token();
    const send = async (method: string, path: string, body: object) =>
      (await vault.call(method, path, { token, body })).status;
    for (const name of names)
      expect(await send('POST', '/v1/secrets', { name, value: 'v' })).toBe(201);
    for (let part = 0; part < 8; part += 1) {
      const between = Array.from({ length: 15 }, () => freshName('M'));
      const content = between.map((name) => `${name}=enc(${name})\n`).join('');
      const values = Object.fromEntries(between.map((name) => [name, 'x'.repeat(60_000)]));
      expect(await send('POST', '/v1/env/encrypt', { content, values })).toBe(200);
    }
    let isOver = false;
    let rounds = 1;
    const write = async () => {
      for (; !isOver; rounds += 1) {
        for (const name of names) {
          expect(await send('PUT', `/v1/secrets/${name}`, { value: 'v' })).toBe(200);
        }
      }
    };
    const writing = write();
    const busy = join(backups, 'busy.backup');
    try {
      const [first] = await succeed('backup', vault.dataDir, busy);
      expect(first).toBe(`${busy} holds the data of ${vault.dataDir}, complete and read again:`);
      // A caller that stood still since the copy would not have written more than the copy holds.
      const told = rounds;
      await until(() => rounds > told);
    } finally {
      isOver = true;
      await writing;
    }
    const dataDir = folderWithKey(vault.dataDir);
    await succeed('restore', dataDir, busy);
    await isVerified(dataDir);
    const { output } = await run('inspect', dataDir, '--json');
    const { items } = JSON.parse(output.join('')) as Inspected;
    const [first = 0, last = 0] = names.map(
      (name) => items.find((item) => item.sk === 'HEAD' && item.name === name)?.version,
    );
    // The first may have been written once more than the last, and neither as often as in the end.
    expect([0, 1]).toContain(first - last);
    expect(first).toBeLessThan(rounds);
  });
});
