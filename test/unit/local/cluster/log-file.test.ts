import { mkdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { openLogFile } from '../../../../local/cluster/log-file.ts';
import { freshFolder } from '../../../support/local-process.ts';

const line = (number: number) => Buffer.from(`line ${String(number).padStart(4, '0')}\n`);
const text = (file: string) => readFileSync(file, 'utf8');

describe('a log file', () => {
  it('continues where the last run ended, with access for its owner only', () => {
    const file = join(freshFolder(), 'log');
    for (const number of [1, 2]) {
      const log = openLogFile(file);
      log.write(line(number));
      log.close();
    }
    expect(text(file)).toBe('line 0001\nline 0002\n');
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  it('keeps the newest lines, up to twice its limit', () => {
    const file = join(freshFolder(), 'log');
    const log = openLogFile(file, 100);
    for (let number = 1; number <= 95; number += 1) log.write(line(number));
    log.close();
    const kept = `${text(`${file}.1`)}${text(file)}`.trim().split('\n');
    expect(kept).toEqual(Array.from({ length: 15 }, (_, index) => `line 00${81 + index}`));
  });

  it('counts the bytes of earlier runs', () => {
    const file = join(freshFolder(), 'log');
    for (const number of [1, 2, 3]) {
      const log = openLogFile(file, 20);
      log.write(line(number));
      log.close();
    }
    expect(text(`${file}.1`)).toBe('line 0001\nline 0002\n');
    expect(text(file)).toBe('line 0003\n');
  });

  it('throws nothing if it cannot be written', () => {
    const file = join(freshFolder(), 'log');
    const log = openLogFile(file, 15);
    log.write(line(1));
    // The full log cannot take the place of a folder.
    mkdirSync(`${file}.1`);
    expect(() => log.write(line(2))).not.toThrow();
    log.close();
  });
});
