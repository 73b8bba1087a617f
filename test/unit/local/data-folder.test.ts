import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  createFileOnce,
  dataFolderOf,
  lockDataFolder,
  openDataFolder,
  readFileIfPresent,
  replaceFile,
} from '../../../local/data-folder.ts';

let folder: string;
const mask = process.umask();

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'vault-folder-'));
});
afterEach(() => {
  process.umask(mask);
  rmSync(folder, { recursive: true });
});
const modeOf = (path: string) => statSync(path).mode & 0o777;

describe('the data folder', () => {
  it('is .local/data unless VAULT_DATA_DIR names another', () => {
    expect(dataFolderOf({})).toBe(join(process.cwd(), '.local/data'));
    expect(dataFolderOf({ VAULT_DATA_DIR: '' })).toBe(join(process.cwd(), '.local/data'));
    expect(dataFolderOf({ VAULT_DATA_DIR: '/a/b' })).toBe('/a/b');
  });

  it('is made for its owner only, and closed to others if it was open', () => {
    const made = join(folder, 'a', 'b');
    openDataFolder(made);
    expect(modeOf(made)).toBe(0o700);
    const open = join(folder, 'open');
    mkdirSync(open, { mode: 0o755 });
    openDataFolder(open);
    expect(modeOf(open)).toBe(0o700);
    writeFileSync(join(open, 'file'), '');
    expect(modeOf(join(open, 'file'))).toBe(0o600);
  });

  it('is refused at once where nothing can be made, as under /proc', () => {
    expect(() => openDataFolder('/proc/vault/data')).toThrow(
      'cannot write to the data folder /proc/vault/data (ENOENT)',
    );
  });

  it('is refused in one sentence where it cannot be made', () => {
    const file = join(folder, 'file');
    writeFileSync(file, '');
    expect(() => openDataFolder(join(file, 'data'))).toThrow(
      `cannot write to the data folder ${join(file, 'data')} (ENOTDIR)`,
    );
  });

  it('belongs to one at a time', () => {
    const lock = lockDataFolder(folder);
    expect(() => lockDataFolder(folder)).toThrow(
      `another vault is using the data folder ${folder}: stop it, or set VAULT_DATA_DIR to another folder`,
    );
    lock.release();
    lockDataFolder(folder).release();
  });
});

describe('a file of the data folder', () => {
  it('is replaced whole, for its owner only, and leaves no draft', () => {
    const file = join(folder, 'state');
    writeFileSync(file, 'old and longer', { mode: 0o644 });
    replaceFile(file, 'new');
    expect(readFileSync(file, 'utf8')).toBe('new');
    expect(modeOf(file)).toBe(0o600);
    expect(readdirSync(folder)).toEqual(['state']);
  });

  it('keeps its old text if the new cannot be written', () => {
    const file = join(folder, 'state');
    replaceFile(file, 'old');
    mkdirSync(`${file}.${process.pid}.draft`);
    expect(() => replaceFile(file, 'new')).toThrow();
    expect(readFileSync(file, 'utf8')).toBe('old');
  });

  it('is made once: a later maker gets what the first one made', () => {
    const file = join(folder, 'key');
    const second = createFileOnce(file, () => {
      // Another process is faster, between this one's look and its own file.
      expect(createFileOnce(file, () => 'first')).toBe('first');
      return 'second';
    });
    expect(second).toBe('first');
    expect(createFileOnce(file, () => 'third')).toBe('first');
    expect(modeOf(file)).toBe(0o600);
    expect(readdirSync(folder)).toEqual(['key']);
  });

  it('may be missing, but not unreadable', () => {
    expect(readFileIfPresent(join(folder, 'none'))).toBeUndefined();
    expect(() => readFileIfPresent(folder)).toThrow(`cannot read ${folder} (EISDIR)`);
  });
});
