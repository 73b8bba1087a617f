import { appendFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { type LogTail, openTail } from '../../../cli/console/log-tail.ts';
import { freshFolder } from '../../support/local-process.ts';

let tail: LogTail | undefined;
afterEach(async () => void (await tail?.close()));

const open = (file: string, backlogBytes = 1_000): LogTail => {
  tail = openTail(file, backlogBytes);
  return tail;
};

describe('the tail of a log file', () => {
  it('returns the end of the file first, and then the lines that are added, always whole', async () => {
    const file = join(freshFolder(), 'log');
    writeFileSync(file, 'one\ntwo\nthr');
    const { read } = open(file);
    expect(await read()).toEqual(['one', 'two']);
    expect(await read()).toEqual([]);
    appendFileSync(file, 'ee\nf\u00fc');
    expect(await read()).toEqual(['three']);
    appendFileSync(file, 'nf\n');
    expect(await read()).toEqual(['f\u00fcnf']);
  });

  it('decodes a character whose bytes were written separately', async () => {
    const file = join(freshFolder(), 'log');
    const [first, second] = [
      Buffer.from('\u00e9').subarray(0, 1),
      Buffer.from('\u00e9').subarray(1),
    ];
    writeFileSync(file, first);
    const { read } = open(file);
    expect(await read()).toEqual([]);
    appendFileSync(file, Buffer.concat([second, Buffer.from('\n')]));
    expect(await read()).toEqual(['\u00e9']);
  });

  it('reads only the last part of a long file', async () => {
    const file = join(freshFolder(), 'log');
    writeFileSync(file, 'a very long first line\nlast\n');
    expect(await open(file, 8).read()).toEqual(['ne', 'last']);
  });

  it('loses no line when a full file is replaced by an empty one', async () => {
    const file = join(freshFolder(), 'log');
    writeFileSync(file, 'one\n');
    const { read } = open(file);
    await read();
    appendFileSync(file, 'two\n');
    renameSync(file, `${file}.1`);
    writeFileSync(file, 'three\n');
    expect(await read()).toEqual(['two', 'three']);
    appendFileSync(file, 'four\n');
    expect(await read()).toEqual(['four']);
  });

  it('waits for a file that does not exist yet, or that was deleted', async () => {
    const file = join(freshFolder(), 'log');
    const { read } = open(file);
    expect(await read()).toEqual([]);
    writeFileSync(file, 'one\n');
    expect(await read()).toEqual(['one']);
    rmSync(file);
    expect(await read()).toEqual([]);
    writeFileSync(file, 'two\n');
    expect(await read()).toEqual(['two']);
  });
});
