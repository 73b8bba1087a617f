import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  dataFolderOf,
  lockDataFolder,
  openDataFolder,
  shellWord,
} from '../../../../host/process/data-folder.ts';
import { freshFolder } from '../../../support/local-process.ts';

let folder: string;
const mask = process.umask();

beforeEach(() => {
  folder = freshFolder();
});
afterEach(() => {
  process.umask(mask);
});
const modeOf = (path: string) => statSync(path).mode & 0o777;

describe('the data folder', () => {
  it('defaults to .local/data unless VAULT_DATA_DIR names another', () => {
    expect(dataFolderOf({})).toBe(join(process.cwd(), '.local/data'));
    expect(dataFolderOf({ VAULT_DATA_DIR: '' })).toBe(join(process.cwd(), '.local/data'));
    expect(dataFolderOf({ VAULT_DATA_DIR: '/a/b' })).toBe('/a/b');
  });

  it('is open to its owner only, like the parent folders made with it and the files in it', () => {
    const made = join(folder, 'a', 'b');
    openDataFolder(made);
    expect(modeOf(join(folder, 'a'))).toBe(0o700);
    expect(modeOf(made)).toBe(0o700);
    writeFileSync(join(made, 'file'), '');
    expect(modeOf(join(made, 'file'))).toBe(0o600);
    openDataFolder(made);
  });

  it.each([
    ['755', []],
    ['770', []],
    ['701', []],
    ['1777', []],
    // A sticky folder is shared by many users, even if a vault has used it.
    ['1777', ['kms.json']],
  ])(
    'is refused and keeps its mode if other users may enter it: mode %s with files %j',
    (octal, files) => {
      const mode = Number.parseInt(octal, 8);
      const open = join(folder, 'open');
      mkdirSync(open);
      for (const file of files) writeFileSync(join(open, file), '');
      chmodSync(open, mode);
      expect(() => openDataFolder(open)).toThrow(
        `the data folder ${open} is open to other users (mode ${octal})`,
      );
      expect(statSync(open).mode & 0o7777).toBe(mode);
      expect(readdirSync(open)).toEqual(files);
    },
  );

  it('is closed to other users if it is open to them but holds the data of a vault, as after a copy', () => {
    const copy = join(folder, 'copy');
    mkdirSync(copy, { mode: 0o755 });
    writeFileSync(join(copy, 'vault.sqlite'), '');
    openDataFolder(copy);
    expect(modeOf(copy)).toBe(0o700);
  });

  it('causes an error of one sentence if it cannot be created, as under /proc', () => {
    const file = join(folder, 'file');
    writeFileSync(file, '');
    const otherFolder = ': let this user write there, or set VAULT_DATA_DIR to another folder';
    for (const [path, code, next] of [
      ['/proc/vault/data', 'ENOENT', ''],
      [join(file, 'data'), 'ENOTDIR', otherFolder],
    ] as const) {
      const sentence = `cannot write to the data folder ${path} (${code})${next}`;
      expect(() => openDataFolder(path)).toThrow(sentence);
    }
  });

  it('can be used by one vault at a time', () => {
    const lock = lockDataFolder(folder);
    expect(() => lockDataFolder(folder)).toThrow(
      `another vault is using the data folder ${folder}: stop it, or set VAULT_DATA_DIR to another folder`,
    );
    lock.release();
    lockDataFolder(folder).release();
  });
});

describe('VAULT_DATA_DIR in a command to copy', () => {
  it('stays unquoted if a shell reads it unchanged', () => {
    expect(shellWord('/srv/vault-1/a.b')).toBe('/srv/vault-1/a.b');
  });

  it.each(['/a b', "/it's", '/$HOME', '/a;b', '/`id`', '/*', '~', '', '/a\nb', '/ä'])(
    'reaches a shell unchanged: %j',
    (path) => {
      const read = execFileSync('bash', ['-c', `printf %s ${shellWord(path)}`], {
        encoding: 'utf8',
      });
      expect(read).toBe(path);
    },
  );
});
