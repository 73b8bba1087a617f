import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { finished } from 'node:stream/promises';
import { describe, expect, it } from '@jest/globals';
import { logLines, openLogFile } from '../../../../host/process/log-file.ts';
import { freshFolder } from '../../../support/local-process.ts';

const line = (number: number) => Buffer.from(`line ${String(number).padStart(4, '0')}\n`);
const text = (file: string) => readFileSync(file, 'utf8');

describe('a log file', () => {
  it('continues where the last run ended, and can be read by its owner only', () => {
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

  it('counts the bytes of earlier runs towards its limit', () => {
    const file = join(freshFolder(), 'log');
    for (const number of [1, 2, 3]) {
      const log = openLogFile(file, 20);
      log.write(line(number));
      log.close();
    }
    expect(text(`${file}.1`)).toBe('line 0001\nline 0002\n');
    expect(text(file)).toBe('line 0003\n');
  });

  it('keeps the lines of two streams whole, even where a new file begins', async () => {
    const file = join(freshFolder(), 'log');
    const log = openLogFile(file, 30);
    const [out, errors] = [new PassThrough(), new PassThrough()];
    for (const stream of [out, errors]) logLines(stream, log);
    const write = async (stream: PassThrough, piece: string) => {
      stream.write(piece);
      await new Promise(setImmediate);
    };
    await write(out, 'one\nlong ');
    await write(errors, 'warning\n');
    await write(out, 'li');
    await write(out, 'ne\nnext line\nlast');
    await finished(out.end());
    log.close();
    expect(text(`${file}.1`)).toBe('one\nwarning\n');
    expect(text(file)).toBe('long line\nnext line\nlast\n');
  });

  it('begins a new line after one that a killed process has not finished', () => {
    const file = join(freshFolder(), 'log');
    writeFileSync(file, 'line 0001\nline 00');
    const log = openLogFile(file);
    for (const number of [3, 4]) log.write(line(number));
    log.close();
    expect(text(file)).toBe('line 0001\nline 00\nline 0003\nline 0004\n');
  });

  it('throws nothing if a full log file cannot be renamed', () => {
    const file = join(freshFolder(), 'log');
    const log = openLogFile(file, 15);
    log.write(line(1));
    // With a folder in the way, the full log cannot be renamed.
    mkdirSync(`${file}.1`);
    expect(() => log.write(line(2))).not.toThrow();
    log.close();
  });
});
