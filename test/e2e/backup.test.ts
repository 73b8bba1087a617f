/**
 * The backup of `npm start` is taken while the vault serves, and restored after its data folder is
 * lost. A restore refuses a folder that does not fit.
 */
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
import { setKeyState } from '../../host/kms/key-file.ts';
import { storeFile } from '../../host/sqlite/database.ts';
import { freshFolder, runLocal } from '../support/local-process.ts';
import { describeLocal, freshName, type Reply, useVault } from '../support/running-vault.ts';
import { until, untilSeen } from '../support/until.ts';

const begin = (program: string, dataDir: string, args: readonly string[], env = {}) =>
  runLocal(program, args, { VAULT_DATA_DIR: dataDir, PORT: '0', ...env });
const run = async (program: string, dataDir: string, ...args: readonly string[]) => {
  const { exit, output, errors } = begin(program, dataDir, args);
  return { code: await exit, output, errors };
};
/** The output of a program that must succeed. It may report progress on stderr. */
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

/** A data folder ready for a restore: it holds only the master key. */
const folderWithKey = (keyOf: string, dataDir = freshFolder()): string => {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  copyFileSync(join(keyOf, 'kms.json'), join(dataDir, 'kms.json'));
  return dataDir;
};

describeLocal('npm start:', () => {
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
    // On a slow machine the restore may finish before it is killed.
    const { dataDir } = await untilSeen(
      restoreAndKill,
      ({ code, hasStore }) => code === null && !hasStore,
    );
    const started = begin('start', dataDir, []);
    // Wait for the start, or for the exit: a signal during the exit would change the exit code.
    await until(() => started.output.length > 0 || started.child.exitCode !== null);
    started.child.kill('SIGTERM');
    expect([await started.exit, started.output]).toEqual([78, []]);
    expect(started.errors).toEqual([
      expect.stringMatching(/^a restore .* run npm run restore again/),
    ]);
    await succeed('restore', dataDir, file);
    await isVerified(dataDir);
    // A kill in the middle of writing a file may leave the draft of it.
    expect(
      readdirSync(dataDir)
        .filter((name) => !/\.\d+\.draft$/.test(name))
        .sort(),
    ).toEqual([
      'key-check.json',
      'kms.json',
      'lock',
      'vault.json',
      'vault.sqlite',
      // Verifying opens the store, and SQLite leaves these two files behind.
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
      'whose master key has the right id but other material',
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
      'with the write-ahead log of a killed store',
      /^the data folder \S+ holds a store already \(vault\.sqlite-wal\)/,
      (dataDir) => writeFileSync(join(dataDir, `${storeFile}-wal`), ''),
      {},
    ],
    [
      'with data in DynamoDB Local',
      /^\S+ holds data of release 1\.0\.0 or older \(dynamodb-local\): make a backup with that release/,
      (dataDir) => mkdirSync(join(dataDir, 'dynamodb-local')),
      {},
    ],
    [
      'with a store from before 2.0.0',
      /^\S+ holds data of release 1\.0\.0 or older \(store\.sqlite\): make a backup with that release/,
      (dataDir) => writeFileSync(join(dataDir, 'store.sqlite'), ''),
      {},
    ],
    [
      'of a node that is not running',
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
    expect(await exit).toBeGreaterThan(0);
    expect(output).toEqual([]);
    expect(errors.at(-1)).toMatch(sentence);
    expect(readdirSync(dataDir).filter((name) => name !== 'lock')).toEqual(before);
  });

  it('restore writes key-check.json if the key has opened values of the backup, and does not if the key is disabled', async () => {
    const check = (dataDir: string) => readFileSync(join(dataDir, 'key-check.json'), 'utf8');
    const proved = folderWithKey(vault.dataDir);
    await succeed('restore', proved, file);
    expect(check(proved)).toBe(check(vault.dataDir));
    const disabled = folderWithKey(vault.dataDir);
    setKeyState(join(disabled, 'kms.json'), 'Disabled');
    await succeed('restore', disabled, file);
    expect(readdirSync(disabled)).not.toContain('key-check.json');
  });

  it('restore refuses the data folder of a running vault, and a backup file that is cut off', async () => {
    const onRunning = await run('restore', vault.dataDir, file);
    expect([onRunning.code, onRunning.errors.at(-1)]).toEqual([
      1,
      expect.stringMatching(
        /^the vault at http\S+ runs on .*: stop the vault and put its data aside/,
      ),
    ]);
    const part = join(backups, 'part.backup');
    writeFileSync(part, readFileSync(file).subarray(0, -9));
    const dataDir = folderWithKey(vault.dataDir);
    const ofPart = await run('restore', dataDir, part);
    expect([ofPart.code, ofPart.errors.at(-1)]).toEqual([
      1,
      expect.stringMatching(/part\.backup is truncated/),
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

  it('restore --preview says what a restore would lose and changes no byte of the store; after the restore, pins to a lost version are refused', async () => {
    const edited = await vault.create('one', freshName('EDITED'));
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
    const lost = await vault.ask('PUT', `/v1/secrets/${edited}`, { value: 'two', note: 'audited' });
    /**
     * Runs the preview of a restore. Returns its output, and whether it changed the store's files.
     * The -shm file does not count, because readers write to it.
     */
    const previewed = async () => {
      const hashes = () =>
        [storeFile, `${storeFile}-wal`].map((name) =>
          hashOf(readFileSync(join(vault.dataDir, name))),
        );
      const [first, { code, output }, last] = [hashes(), await preview(), hashes()];
      return { code, lines: output.slice(2), isChanged: first.join() !== last.join() };
    };
    const told = {
      ...{ code: 1, isChanged: false },
      lines: [
        '1 version would be lost, and their numbers would be assigned again:',
        expect.stringMatching(`^  tenant \\S+, ${edited} version 2 by alice: audited$`),
        'In all: 1 version.',
      ],
    };
    expect(await previewed()).toEqual(told);
    await vault.kill9();
    expect(await previewed()).toEqual(told);

    for (const name of readdirSync(vault.dataDir).filter((one) => one.startsWith(storeFile))) {
      rmSync(join(vault.dataDir, name));
    }
    await succeed('restore', vault.dataDir, before);
    await vault.restart();
    // Version 2 exists again with another value, so a pin with the old anchor must not match.
    const again = await vault.ask('PUT', `/v1/secrets/${edited}`, { value: 'another' });
    expect(again.json.version).toBe(2);
    const content = `X=secret(${edited}@2.${lost.json.anchor})\n`;
    const expanded = await vault.ask('POST', '/v1/env/expand', { content });
    expect(expanded).toMatchObject({ status: 409, json: { code: 'pin_mismatch' } });
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
    await preview(cutOff, /^\S+cut-off\.backup is truncated: /);
    await preview(join(dataDir, 'kms.json'), /^\S+ is not a backup made by npm run backup$/);
    writeFileSync(join(dataDir, 'vault.json'), '{"id":"other"}');
    await preview(file, /^the backup is of the vault vault-[0-9a-f]{16}, and the store of other$/);
    rmSync(join(dataDir, storeFile));
    await preview(file, /^there is no vault in the data folder /);
  });

  it('restore gives back every secret with its history after the data folder is lost', async () => {
    /** Reads all pages of a list. */
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

  // Must run last: the tests above compare everything the vault holds, and tokens for the vault are
  // not valid for the restored folder.
  it('backup copies a single moment, even while a caller keeps writing to two secrets in turn', async () => {
    // A backup that scanned the store would read the secret A first, then some MB of other secrets,
    // and then Z.
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
      // Make sure the caller wrote after the backup, so that the backup must hold less than the
      // vault.
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
    // The caller always updates A before Z. So in the backup, A may have one more version than Z,
    // and both must have fewer than in the vault at the end.
    expect([0, 1]).toContain(first - last);
    expect(first).toBeLessThan(rounds);
  });
});
