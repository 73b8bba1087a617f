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
  readFileIfPresent,
  replaceFile,
  replaceFileMeanwhile,
} from '../../../system/files.ts';

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'vault-files-'));
  file = join(folder, 'state');
});
afterEach(() => rmSync(folder, { recursive: true }));
const modeOf = (path: string) => statSync(path).mode & 0o777;

describe('a replaced file', () => {
  it.each([
    ['replaceFile', replaceFile],
    ['replaceFileMeanwhile', replaceFileMeanwhile],
  ])(
    'changes all at once, is readable by its owner only, and leaves no draft: %s',
    async (_, replace) => {
      writeFileSync(file, 'old and longer', { mode: 0o644 });
      await replace(file, 'new');
      expect(readFileSync(file, 'utf8')).toBe('new');
      expect(modeOf(file)).toBe(0o600);
      expect(readdirSync(folder)).toEqual(['state']);
    },
  );

  it('keeps its old content if the new one cannot be written', () => {
    replaceFile(file, 'old');
    mkdirSync(`${file}.${process.pid}.draft`);
    expect(() => replaceFile(file, 'new')).toThrow();
    expect(readFileSync(file, 'utf8')).toBe('old');
  });
});

describe('createFileOnce', () => {
  it("returns the existing file's content to later callers", () => {
    const second = createFileOnce(file, () => {
      // Another process creates the file after this one has found that it is missing.
      expect(createFileOnce(file, () => 'first')).toBe('first');
      return 'second';
    });
    expect(second).toBe('first');
    expect(createFileOnce(file, () => 'third')).toBe('first');
    expect(modeOf(file)).toBe(0o600);
    expect(readdirSync(folder)).toEqual(['state']);
  });
});

describe('readFileIfPresent', () => {
  it('returns undefined for a missing file, and fails for an unreadable one', () => {
    expect(readFileIfPresent(join(folder, 'none'))).toBeUndefined();
    expect(() => readFileIfPresent(folder)).toThrow(`cannot read ${folder} (EISDIR)`);
  });
});
