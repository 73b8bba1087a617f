import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { describe, expect, it, jest } from '@jest/globals';
import {
  describeKeyFile,
  findKeyId,
  followMasterKey,
  identityIn,
  type MasterKey,
  makeMasterKey,
  masterKeyFile,
  setKeyState,
  stateOfKey,
} from '../../../../host/kms/key-file.ts';
import { onceAMinute } from '../../../../host/kms/key-warning.ts';
import { freshFolder } from '../../../support/local-process.ts';
import { nextTurn } from '../../../support/next-turn.ts';

const freshKey = (): string => {
  const file = join(freshFolder(), 'kms.json');
  makeMasterKey(file);
  return file;
};
/** Counts each use as a turn of its own. */
const eachUse = () => {
  let turn = 0;
  return () => {
    turn += 1;
    return turn;
  };
};
const follow = (file: string) => {
  const warn = jest.fn();
  return { key: followMasterKey(file, identityIn(file), warn, { turn: eachUse() }), warn };
};
const thrownBy = (use: () => unknown): unknown => {
  try {
    return use();
  } catch (error) {
    return error;
  }
};
const faultOf = (key: MasterKey): string => {
  try {
    key.read();
    return 'no fault';
  } catch (error) {
    return error instanceof Error ? error.name : String(error);
  }
};
const stored = (file: string) => JSON.parse(readFileSync(file, 'utf8'));
const replace = (file: string, text: string): void => {
  writeFileSync(`${file}.new`, text);
  renameSync(`${file}.new`, file);
};
const change = (file: string, properties: object): void =>
  replace(file, JSON.stringify({ ...stored(file), ...properties }));
const otherMaterial = (file: string): string =>
  JSON.stringify({ ...stored(file), keyMaterial: Buffer.alloc(32, 7).toString('base64') });

describe('the master key file', () => {
  it('is made once, readable by its owner only, and never with the same key material as another', () => {
    const [file, other] = [freshKey(), freshKey()];
    const text = readFileSync(file, 'utf8');
    expect(makeMasterKey(file)).toBe(false);
    expect(readFileSync(file, 'utf8')).toBe(text);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(stored(other).keyMaterial).not.toBe(stored(file).keyMaterial);
  });

  it('is in the data folder unless VAULT_MASTER_KEY_FILE names another path', () => {
    expect(masterKeyFile('/data', {})).toBe('/data/kms.json');
    expect(masterKeyFile('/data', { VAULT_MASTER_KEY_FILE: '' })).toBe('/data/kms.json');
    expect(masterKeyFile('/data', { VAULT_MASTER_KEY_FILE: '/run/kms.json' })).toBe(
      '/run/kms.json',
    );
  });

  it.each<[string, (file: string) => void, string]>([
    ['it is disabled', (file) => setKeyState(file, 'Disabled'), 'disabled'],
    [
      'an earlier release had scheduled its deletion',
      (file) => setKeyState(file, 'PendingDeletion'),
      'disabled',
    ],
    ['a later release has written it', (file) => change(file, { format: 2 }), 'unreadable'],
    ['its id is not a UUID', (file) => change(file, { keyId: 'k-1' }), 'unreadable'],
    ['its state is unknown', (file) => change(file, { state: 'Retired' }), 'unreadable'],
    ['its time is not a number', (file) => change(file, { createdAt: 'now' }), 'unreadable'],
    ['it is gone', (file) => rmSync(file), 'missing'],
    [
      'it holds another key',
      (file) => replace(file, readFileSync(freshKey(), 'utf8')),
      'incorrect',
    ],
    [
      'it has the same id and other material',
      (file) => replace(file, otherMaterial(file)),
      'incorrect',
    ],
    ['it is empty', (file) => replace(file, ''), 'unreadable'],
    [
      'its end is missing',
      (file) => replace(file, readFileSync(file, 'utf8').slice(0, -9)),
      'unreadable',
    ],
    [
      'its material is not valid base64',
      (file) => change(file, { keyMaterial: `${'!'.repeat(43)}=` }),
      'unreadable',
    ],
    ['its material is too short', (file) => change(file, { keyMaterial: 'AAAA' }), 'unreadable'],
    ['its material has been left out', (file) => replace(file, '{"format":1}'), 'unreadable'],
    [
      'its folder is gone',
      (file) => {
        rmSync(join(file, '..'), { recursive: true });
        writeFileSync(join(file, '..'), '');
      },
      'missing',
    ],
    [
      'a pipe has its name',
      (file) => {
        rmSync(file);
        execFileSync('mkfifo', [file]);
      },
      'unreadable',
    ],
    [
      'it is larger than 1 MB',
      (file) => replace(file, readFileSync(file, 'utf8').padEnd(1_000_001)),
      'unreadable',
    ],
    [
      'a folder has its name',
      (file) => {
        rmSync(file);
        mkdirSync(file);
      },
      'unreadable',
    ],
  ])('makes the next use fail if %s, and works again once it is put back', (_, spoil, state) => {
    const file = freshKey();
    const { key } = follow(file);
    const good = readFileSync(file, 'utf8');
    expect(stateOfKey(key)).toBe('usable');
    spoil(file);
    expect(stateOfKey(key)).toBe(state);
    expect(stateOfKey(key)).toBe(state);
    if (!statSync(join(file, '..')).isDirectory()) rmSync(join(file, '..'));
    rmSync(file, { recursive: true, force: true });
    mkdirSync(join(file, '..'), { recursive: true });
    replace(file, good);
    expect(stateOfKey(key)).toBe('usable');
  });

  it('can be used by a process that started before the file existed', () => {
    const file = freshKey();
    const own = identityIn(file);
    renameSync(file, `${file}.away`);
    const key = followMasterKey(file, own);
    expect(faultOf(key)).toBe('NotFoundException');
    renameSync(`${file}.away`, file);
    expect(faultOf(key)).toBe('no fault');
  });

  it('is read again after an edit in place that changes neither its size nor, on a coarse clock, its time', () => {
    const file = freshKey();
    const { key } = follow(file);
    const { atime, mtime } = statSync(file);
    key.read();
    // The file is changed in place, so its inode and its size stay the same, and on a coarse clock
    // also its time of change.
    const changed = readFileSync(file, 'utf8').replace('"Enabled"', '"Xnabled"');
    writeFileSync(file, changed);
    utimesSync(file, atime, mtime);
    expect(faultOf(key)).toBe('KMSInvalidStateException');
  });

  /**
   * Follows a file whose text and status the test sets. `ageMs` is the time since its last change.
   */
  const followStill = () => {
    const file = freshKey();
    const first = statSync(file, { bigint: true });
    const changed = Number(first.ctimeMs);
    const now = { ageMs: 10_000, status: first, text: readFileSync(file, 'utf8') };
    const key = followMasterKey(file, identityIn(file), undefined, {
      statusOf: () => now.status,
      read: () => ({ status: now.status, bytes: Buffer.from(now.text) }),
      now: () => changed + now.ageMs,
      turn: eachUse(),
    });
    return { now, key };
  };

  it('is not read again if it is unchanged and older than two seconds', () => {
    const { now, key } = followStill();
    now.ageMs = 2_000;
    const first = key.read();
    expect(key.read()).toBe(first);
  });

  it('is read again within two seconds of a change, because another change in that time could go unnoticed', () => {
    const { now, key } = followStill();
    now.ageMs = 1_999;
    const first = key.read();
    expect(key.read()).not.toBe(first);
  });

  it.each(['dev', 'ino', 'size', 'mtimeNs', 'ctimeNs'] as const)(
    'is read again if its %s has changed',
    (property) => {
      const { now, key } = followStill();
      const first = key.read();
      now.status = Object.assign(Object.create(now.status), {
        [property]: now.status[property] + 1n,
      });
      expect(key.read()).not.toBe(first);
    },
  );

  it.each<[string, (file: string) => void, string]>([
    ['disabled', (file) => setKeyState(file, 'Disabled'), 'disabled'],
    ['replaced', (file) => replace(file, otherMaterial(file)), 'incorrect'],
    ['removed', (file) => rmSync(file), 'missing'],
  ])(
    'that was %s is noticed by the next turn, not by the next use of the same turn',
    async (_, spoil, state) => {
      const file = freshKey();
      const key = followMasterKey(file, identityIn(file));
      await nextTurn();
      const first = key.read();
      spoil(file);
      expect(key.read()).toBe(first);
      await nextTurn();
      expect(stateOfKey(key)).toBe(state);
    },
  );

  it('is looked at once in a turn', () => {
    const file = freshKey();
    const [statusOf, turn] = [jest.fn(() => statSync(file, { bigint: true })), { number: 1 }];
    const key = followMasterKey(file, identityIn(file), undefined, {
      ...{ statusOf, turn: () => turn.number },
    });
    const usesInNextTurn = (): void => {
      turn.number += 1;
      for (const _ of [1, 2, 3]) key.read();
    };
    key.read();
    usesInNextTurn();
    expect(statusOf).toHaveBeenCalledTimes(1);
    usesInNextTurn();
    expect(statusOf).toHaveBeenCalledTimes(2);
  });

  it('is looked at by each use of a turn while it cannot be used', () => {
    const file = freshKey();
    const key = followMasterKey(file, identityIn(file), undefined, { turn: () => 1 });
    renameSync(file, `${file}.away`);
    expect(stateOfKey(key)).toBe('missing');
    renameSync(`${file}.away`, file);
    expect(stateOfKey(key)).toBe('usable');
  });

  it('stays refused after damage that left its size and time unchanged', () => {
    const { now, key } = followStill();
    key.read();
    now.ageMs = 1_000;
    now.text = '';
    expect(stateOfKey(key)).toBe('unreadable');
    now.ageMs = 10_000;
    expect(stateOfKey(key)).toBe('unreadable');
  });

  it('belongs to the vault if id and material match, or the id alone if the vault does not know the material', () => {
    const file = freshKey();
    const { keyId, check } = identityIn(file);
    expect(check).toMatch(/^[\w-]{22}$/);
    replace(file, otherMaterial(file));
    expect(faultOf(followMasterKey(file, { keyId, check }))).toBe('IncorrectKeyException');
    expect(faultOf(followMasterKey(file, { keyId }))).toBe('no fault');
    const other = { keyId: identityIn(freshKey()).keyId };
    expect(faultOf(followMasterKey(file, other))).toBe('IncorrectKeyException');
  });

  it('yields a computed check value of 16 bytes that do not occur in the key material', () => {
    const file = freshKey();
    const material = Buffer.from(stored(file).keyMaterial, 'base64');
    const check = Buffer.from(identityIn(file).check, 'base64url');
    expect(check).toHaveLength(16);
    expect(material.includes(check)).toBe(false);
  });

  it.each(['', '{"format":1,"keyMaterial":"canary"}'])(
    'is named but not quoted in the error of a command that finds %j in it',
    (text) => {
      const file = freshKey();
      writeFileSync(file, text);
      for (const use of [
        () => identityIn(file),
        () => describeKeyFile(file),
        () => setKeyState(file, 'Disabled'),
      ]) {
        expect(use).toThrow(`${file} is damaged: put back a copy`);
        expect(inspect(thrownBy(use))).not.toContain('canary');
      }
      expect(readFileSync(file, 'utf8')).toBe(text);
    },
  );

  it.each<[string, (file: string) => void, string]>([
    ['a pipe', (file) => execFileSync('mkfifo', [file]), 'it is a pipe'],
    ['a folder', (file) => mkdirSync(file), 'it is a directory'],
    ['missing', () => undefined, 'ENOENT'],
  ])(
    'never makes a command hang, but makes it fail with an error that says why, if the file is %s',
    (_, make, why) => {
      const file = join(freshFolder(), 'kms.json');
      make(file);
      const sentence = `the master key ${file} cannot be read (${why})`;
      expect(() => identityIn(file)).toThrow(sentence);
      expect(() => setKeyState(file, 'Disabled')).toThrow(sentence);
    },
  );

  it('is not made where a pipe has its name, and nothing waits for the pipe', () => {
    const file = join(freshFolder(), 'kms.json');
    execFileSync('mkfifo', [file]);
    expect(makeMasterKey(file)).toBe(false);
    expect(statSync(file).isFIFO()).toBe(true);
  });

  it('causes an error with the path if it cannot be made', () => {
    const file = join(freshFolder(), 'none', 'kms.json');
    expect(() => makeMasterKey(file)).toThrow(
      `the master key cannot be written to ${file} (ENOENT)`,
    );
  });

  it('has an ARN from which its id can be read, unlike the ARN of a key in AWS KMS', () => {
    const file = freshKey();
    const { arn, keyId } = describeKeyFile(file);
    expect(findKeyId(arn)).toBe(keyId);
    expect(findKeyId(`arn:aws:kms:eu-central-1:111122223333:key/${keyId}`)).toBeUndefined();
  });

  it('keeps fields of a later or an earlier release when its state changes', () => {
    const file = freshKey();
    replace(file, JSON.stringify({ ...stored(file), accessKeyId: 'LOCAL1', secretAccessKey: 's' }));
    const before = stored(file);
    setKeyState(file, 'Disabled');
    expect(stored(file)).toEqual({ ...before, state: 'Disabled' });
    expect(describeKeyFile(file)).toEqual({
      ...{ keyId: before.keyId, arn: follow(file).key.arn, state: 'Disabled' },
    });
  });

  it('keeps its state if a change cannot be stored', () => {
    const file = freshKey();
    const folder = join(file, '..');
    // Root may write to any folder, so a folder in place of the draft makes the write fail.
    mkdirSync(`${file}.${process.pid}.draft`);
    expect(() => setKeyState(file, 'Disabled')).toThrow(/cannot be replaced.*stays Enabled$/);
    chmodSync(folder, 0o700);
    expect(describeKeyFile(file).state).toBe('Enabled');
  });

  it('is always complete for readers while it is replaced 10,000 times', async () => {
    const file = freshKey();
    const { key } = follow(file);
    const program = `
      const { readFileSync, writeFileSync, renameSync } = require('node:fs');
      const [file] = process.argv.slice(1);
      const stored = JSON.parse(readFileSync(file, 'utf8'));
      for (let round = 0; round < 10000; round += 1) {
        writeFileSync(file + '.draft', JSON.stringify({ ...stored, state: round % 2 ? 'Enabled' : 'Disabled' }));
        renameSync(file + '.draft', file);
      }`;
    const child = spawn(process.execPath, ['-e', program, '--', file], { stdio: 'inherit' });
    const ended = once(child, 'exit');
    const seen = new Set<string>();
    while (child.exitCode === null) {
      for (let look = 0; look < 100; look += 1) seen.add(stateOfKey(key));
      await new Promise(setImmediate);
    }
    expect(await ended).toEqual([0, null]);
    expect([...seen].sort()).toEqual(['disabled', 'usable']);
    expect(stateOfKey(key)).toBe('usable');
  });
});

describe('the warnings about the master key', () => {
  it('name the fault when a use of the key fails because of it', () => {
    const file = freshKey();
    const { key, warn } = follow(file);
    rmSync(file);
    faultOf(key);
    expect(warn.mock.calls).toEqual([[`${file} is missing`]]);
  });

  it('appear in the log at most once a minute for each message', () => {
    const written: string[] = [];
    let now = 0;
    const warn = onceAMinute(
      (sentence) => written.push(sentence),
      () => now,
    );
    for (const [at, sentence] of [
      [0, 'a'],
      [1, 'a'],
      [2, 'b'],
      [59_999, 'a'],
      [60_000, 'a'],
    ] as const) {
      now = at;
      warn(sentence);
    }
    expect(written).toEqual(['a', 'b', 'a']);
  });
});
