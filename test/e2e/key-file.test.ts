/**
 * A vault whose key file is missing, damaged or holds another key returns no value and refuses to
 * start.
 */
import { copyFileSync, existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { makeMasterKey, setKeyState } from '../../host/kms/key-file.ts';
import { freshFolder, runLocal } from '../support/local-process.ts';
import { describeLocal, freshName, useVault } from '../support/running-vault.ts';
import { untilSeen } from '../support/until.ts';

const keyFile = join(freshFolder(), 'elsewhere.json');
const kept = `${keyFile}.kept`;
const replace = (text: string): void => {
  writeFileSync(`${keyFile}.new`, text);
  renameSync(`${keyFile}.new`, keyFile);
};
const otherKey = (): string => {
  const file = join(freshFolder(), 'kms.json');
  makeMasterKey(file);
  return readFileSync(file, 'utf8');
};

describeLocal('a vault whose VAULT_MASTER_KEY_FILE', () => {
  const vault = useVault(undefined, { VAULT_MASTER_KEY_FILE: keyFile });
  const name = freshName('KEPT');
  beforeAll(async () => {
    await vault.create('one', name);
    copyFileSync(keyFile, kept);
  });
  afterEach(() => copyFileSync(kept, keyFile));

  const otherMaterial = (): string => {
    const keyMaterial = Buffer.alloc(32, 7).toString('base64');
    return JSON.stringify({ ...JSON.parse(readFileSync(kept, 'utf8')), keyMaterial });
  };

  // Shows G9.
  it.each<[string, string, () => void]>([
    ['is gone', 'master_key_unavailable', () => rmSync(keyFile)],
    ['is damaged', 'master_key_unavailable', () => replace('{"format":1')],
    ['holds another key', 'master_key_incorrect', () => replace(otherKey())],
    [
      'has other material under the same id',
      'master_key_incorrect',
      () => replace(otherMaterial()),
    ],
  ])(
    '%s answers 503 %s, stores nothing, and serves again with the key',
    async (_, code, change) => {
      change();
      const refused = { status: 503, json: { code, retryable: false } };
      const free = freshName();
      for (const _ of [1, 2]) {
        expect(await vault.ask('GET', `/v1/secrets/${name}`)).toMatchObject(refused);
        expect(await vault.ask('POST', '/v1/secrets', { name: free, value: 'v' })).toMatchObject(
          refused,
        );
        expect(await vault.ask('PUT', `/v1/secrets/${name}`, { value: 'w' })).toMatchObject(
          refused,
        );
      }
      expect((await vault.ask('GET', `/v1/secrets/${free}`)).status).toBe(404);
      copyFileSync(kept, keyFile);
      expect((await vault.ask('GET', `/v1/secrets/${name}`)).json).toMatchObject({
        ...{ version: 1, value: 'one' },
      });
      expect((await vault.ask('GET', `/v1/secrets/${free}`)).status).toBe(404);
    },
  );

  it('is gone names the file in one WARN line, whatever the number of requests', async () => {
    rmSync(keyFile);
    for (const _ of [1, 2, 3]) await vault.ask('GET', `/v1/secrets/${name}`);
    const warnings = () => vault.lines().filter((line) => line.includes(`${keyFile} is missing`));
    await untilSeen(warnings, (seen) => seen.length > 0);
    expect(warnings().map((line) => JSON.parse(line))).toEqual([
      expect.objectContaining({
        ...{ level: 'WARN', message: 'master key', fault: `${keyFile} is missing` },
      }),
    ]);
  });
});

describeLocal('a vault under load', () => {
  const vault = useVault();

  it('returns no value to a request that is sent after the key was disabled', async () => {
    const file = join(vault.dataDir, 'kms.json');
    const name = await vault.create();
    const statuses = { Enabled: new Set<number>(), Disabled: new Set<number>() };
    let state: keyof typeof statuses = 'Enabled';
    let changes = 0;
    const changesMax = 40;
    const keepReading = async (): Promise<void> => {
      while (changes < changesMax) {
        const changesBefore = changes;
        const { status } = await vault.ask('GET', `/v1/secrets/${name}`);
        if (changes === changesBefore) statuses[state].add(status);
      }
    };
    const readers = Array.from({ length: 16 }, keepReading);
    while (changes < changesMax) {
      await sleep(20);
      state = state === 'Enabled' ? 'Disabled' : 'Enabled';
      setKeyState(file, state);
      changes += 1;
    }
    await Promise.all(readers);
    expect(statuses).toEqual({ Enabled: new Set([200]), Disabled: new Set([503]) });
  });
});

const start = async (env: NodeJS.ProcessEnv) => {
  const { exit, errors } = runLocal('start', [], { PORT: '0', ...env });
  return { code: await exit, errors };
};

it('key.ts make makes the file of a key, and leaves one that exists alone', async () => {
  const file = join(freshFolder(), 'kms.json');
  const make = () => runLocal('key', ['make'], { VAULT_MASTER_KEY_FILE: file });
  const first = make();
  expect([await first.exit, first.output]).toEqual([
    0,
    [expect.stringMatching(/^arn:\S+ Enabled$/)],
  ]);
  const text = readFileSync(file, 'utf8');
  const second = make();
  expect([await second.exit, second.errors]).toEqual([1, [`${file} already exists`]]);
  expect(readFileSync(file, 'utf8')).toBe(text);
});

describe('npm start', () => {
  const folderOfVault = async (): Promise<string> => {
    const folder = freshFolder();
    const running = runLocal('start', [], { PORT: '0', VAULT_DATA_DIR: folder });
    await untilSeen(
      () => running.output.join(),
      (text) => text.includes('listening on'),
    );
    running.child.kill('SIGTERM');
    expect(await running.exit).toBe(0);
    return folder;
  };

  it.each<[string, (folder: string) => NodeJS.ProcessEnv, RegExp]>([
    [
      'if its key file holds another key',
      (folder) => {
        writeFileSync(join(folder, 'kms.json'), otherKey());
        return {};
      },
      /kms\.json holds another master key than this vault's: put back a copy of the key /,
    ],
    [
      'if its key file is gone',
      (folder) => {
        rmSync(join(folder, 'kms.json'));
        return {};
      },
      /kms\.json is missing, the master key of the vault in /,
    ],
    [
      'with a key of a KMS, if its key was in a file',
      () => ({ MASTER_KEY_ID: 'arn:aws:kms:eu-central-1:111122223333:key/k' }),
      /^MASTER_KEY_ID is arn:\S+, but the master key of the vault in \S+ is \S+, in a file/,
    ],
    [
      'with both a file and a KMS',
      () => ({ MASTER_KEY_ID: 'k', VAULT_MASTER_KEY_FILE: '/nowhere' }),
      /^VAULT_MASTER_KEY_FILE and a key of a KMS \(MASTER_KEY_ID\) are set together: set one$/,
    ],
  ])('refuses to start in one sentence %s', async (_, change, sentence) => {
    const folder = await folderOfVault();
    const { code, errors } = await start({ VAULT_DATA_DIR: folder, ...change(folder) });
    expect(code).toBe(78);
    expect(errors).toEqual([expect.stringMatching(sentence)]);
  });
});

/** Changes one character of the key material, like a typing error. The key's id stays the same. */
const mistype = (file: string): void => {
  const key = JSON.parse(readFileSync(file, 'utf8'));
  const first = key.keyMaterial[0] === 'A' ? 'B' : 'A';
  writeFileSync(
    file,
    JSON.stringify({ ...key, keyMaterial: `${first}${key.keyMaterial.slice(1)}` }),
  );
};

describeLocal('a data folder that no longer remembers its key', () => {
  const vault = useVault();
  const file = (name: string) => join(vault.dataDir, name);
  const name = freshName('KEPT');
  const wrong =
    /kms\.json has the id of the vault's master key, but does not open the only stored value/;
  beforeAll(async () => {
    await vault.create('one', name);
    copyFileSync(file('kms.json'), file('kms.json.kept'));
  });

  it('is refused with a key that has a character changed, and starts again with the right one', async () => {
    await vault.kill9();
    rmSync(file('key-check.json'));
    mistype(file('kms.json'));
    const { code, errors } = await start({ VAULT_DATA_DIR: vault.dataDir });
    expect([code, errors]).toEqual([78, [expect.stringMatching(wrong)]]);
    const inspected = runLocal('inspect', ['--verify'], { VAULT_DATA_DIR: vault.dataDir });
    expect(await inspected.exit).toBe(1);
    expect(inspected.output.slice(2)).toEqual([
      expect.stringMatching(wrong),
      expect.stringMatching(/has a data key that the master key cannot unwrap/),
      'verified the whole table: 2 violations',
    ]);
    expect(existsSync(file('key-check.json'))).toBe(false);
    copyFileSync(file('kms.json.kept'), file('kms.json'));
    await vault.restart();
    expect(existsSync(file('key-check.json'))).toBe(true);
    expect((await vault.ask('GET', `/v1/secrets/${name}`)).json).toMatchObject({ value: 'one' });
  });
});
