import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { openCounter } from '../../../../host/node/counter.ts';
import { putAside } from '../../../../host/node/member-files.ts';
import { freshFolder } from '../../../support/local-process.ts';

let folder: string;
beforeEach(() => {
  folder = freshFolder();
  mkdirSync(join(folder, 'etcd', 'member'), { recursive: true });
});
const onDisk = () => readFileSync(join(folder, 'etcd', 'member', 'counter'), 'utf8');

describe('the counter that a node keeps among the files of etcd', () => {
  it('starts at 0 and continues over restarts', async () => {
    const counter = openCounter(folder);
    expect(counter.value()).toBe(0);
    await counter.raise();
    await counter.raise();
    expect(openCounter(folder).value()).toBe(2);
  });

  it.each([
    ['rises above a higher number that another node remembers', 9, 10],
    ['never falls to a lower number that another node remembers', 1, 3],
  ])('%s', async (_, remembered, next) => {
    const counter = openCounter(folder);
    await counter.raise();
    await counter.raise();
    counter.startAfter(remembered);
    await counter.raise();
    expect([counter.value(), onDisk()]).toEqual([next, String(next)]);
  });

  it('rises only once the disk holds the next value', async () => {
    const counter = openCounter(folder);
    const raising = counter.raise();
    expect(counter.value()).toBe(0);
    await raising;
    expect([counter.value(), onDisk()]).toEqual([1, '1']);
  });

  it('keeps its value if the next one cannot be written', async () => {
    const counter = openCounter(folder);
    rmSync(join(folder, 'etcd'), { recursive: true });
    await expect(counter.raise()).rejects.toThrow('ENOENT');
    expect(counter.value()).toBe(0);
    mkdirSync(join(folder, 'etcd', 'member'), { recursive: true });
    await counter.raise();
    expect([counter.value(), onDisk()]).toEqual([1, '1']);
  });

  it('returns to 0 when the files of etcd are put aside', async () => {
    await openCounter(folder).raise();
    putAside(folder);
    expect(openCounter(folder).value()).toBe(0);
  });

  it.each(['', '-1', '1.5', 'x', '7\n'])('refuses a damaged file (%j)', (text) => {
    writeFileSync(join(folder, 'etcd', 'member', 'counter'), text);
    expect(() => openCounter(folder)).toThrow(/counter is damaged: wipe this node/);
    expect(() => openCounter(folder)).toThrow(expect.objectContaining({ exitCode: 78 }));
  });
});
