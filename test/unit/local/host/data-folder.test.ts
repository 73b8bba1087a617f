import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  dataFolderOf,
  folderSetting,
  lockDataFolder,
  openDataFolder,
  shellWord,
} from '../../../../local/host/data-folder.ts';
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

  it('gives access to its owner only, like the folders above it and the files in it', () => {
    const made = join(folder, 'a', 'b');
    openDataFolder(made);
    expect(modeOf(join(folder, 'a'))).toBe(0o700);
    expect(modeOf(made)).toBe(0o700);
    writeFileSync(join(made, 'file'), '');
    expect(modeOf(join(made, 'file'))).toBe(0o600);
    openDataFolder(made);
  });

  it.each(['755', '770', '701', '1777'])(
    'stays as it was and is refused if other users may enter it and no vault has used it: mode %s',
    (octal) => {
      const mode = Number.parseInt(octal, 8);
      const open = join(folder, 'open');
      mkdirSync(open);
      chmodSync(open, mode);
      expect(() => openDataFolder(open)).toThrow(
        `the data folder ${open} is open to other users (mode ${octal}), and no vault has used it: ` +
          'name one that does not exist yet, or close it with "chmod 700" if it is for the vault alone',
      );
      expect(statSync(open).mode & 0o7777).toBe(mode);
      expect(readdirSync(open)).toEqual([]);
    },
  );

  it('closes to other users if a vault has used it, because a copy may be open', () => {
    const copy = join(folder, 'copy');
    mkdirSync(copy, { mode: 0o755 });
    writeFileSync(join(copy, 'store.sqlite'), '');
    openDataFolder(copy);
    expect(modeOf(copy)).toBe(0o700);
  });

  it('stays as it was and is refused if many share it, even if a vault has used it', () => {
    const shared = join(folder, 'shared');
    mkdirSync(shared);
    writeFileSync(join(shared, 'kms.json'), '');
    chmodSync(shared, 0o1777);
    expect(() => openDataFolder(shared)).toThrow('is open to other users (mode 1777)');
    expect(statSync(shared).mode & 0o7777).toBe(0o1777);
  });

  it('fails at once where nothing can be created, as under /proc', () => {
    expect(() => openDataFolder('/proc/vault/data')).toThrow(
      'cannot write to the data folder /proc/vault/data (ENOENT)',
    );
  });

  it('fails in one sentence if it cannot be created', () => {
    const file = join(folder, 'file');
    writeFileSync(file, '');
    expect(() => openDataFolder(join(file, 'data'))).toThrow(
      `cannot write to the data folder ${join(file, 'data')} (ENOTDIR)`,
    );
  });

  it('belongs to one vault at a time', () => {
    const lock = lockDataFolder(folder);
    expect(() => lockDataFolder(folder)).toThrow(
      `another vault is using the data folder ${folder}: stop it, or set VAULT_DATA_DIR to another folder`,
    );
    lock.release();
    lockDataFolder(folder).release();
  });
});

describe('a path in a command to copy', () => {
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

  it('appears only if it is not the default folder', () => {
    expect(folderSetting({}, '/a b')).toBe('');
    expect(folderSetting({ VAULT_DATA_DIR: 'b' }, '/a b')).toBe("VAULT_DATA_DIR='/a b' ");
  });
});
