import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { readSmallFile } from '../../../../host/process/small-file.ts';
import { freshFolder } from '../../../support/local-process.ts';

const freshFile = (): string => join(freshFolder(), 'kms.json');
const textIn = (file: string): string => readSmallFile(file).bytes.toString('utf8');

describe('a key or certificate file', () => {
  it('is read with its status, also through links to it', () => {
    const file = freshFile();
    writeFileSync(file, 'key', { mode: 0o640 });
    symlinkSync(file, `${file}.link`);
    symlinkSync(`${file}.link`, `${file}.second`);
    const { status, bytes } = readSmallFile(`${file}.second`);
    expect([bytes.toString('utf8'), status.size, Number(status.mode) & 0o777]).toEqual([
      ...['key', 3n, 0o640],
    ]);
  });

  it('may have up to 1 MB', () => {
    const file = freshFile();
    writeFileSync(file, 'a'.repeat(1_000_000));
    expect(textIn(file)).toHaveLength(1_000_000);
    truncateSync(file, 1_000_001);
    expect(() => textIn(file)).toThrow('it is larger than 1 MB');
  });

  it.each<[string, (file: string) => void, string]>([
    ['a directory', (file) => mkdirSync(file), 'it is a directory'],
    ['a pipe that nobody writes to', (file) => execFileSync('mkfifo', [file]), 'it is a pipe'],
    [
      'a link to a pipe',
      (file) => {
        execFileSync('mkfifo', [`${file}.pipe`]);
        symlinkSync(`${file}.pipe`, file);
      },
      'it is a pipe',
    ],
    [
      'a link to an endless device',
      (file) => symlinkSync('/dev/zero', file),
      'it is not a regular file',
    ],
  ])('is refused at once if it is %s', (_, make, sentence) => {
    const file = freshFile();
    make(file);
    expect(() => textIn(file)).toThrow(sentence);
  });

  it("is refused with the system's error if it is missing", () => {
    expect(() => textIn(freshFile())).toThrow('ENOENT');
  });
});
