import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { installOnce } from '../../../../local/containers/install-once.ts';
import { freshFolder } from '../../../support/local-process.ts';
import { untilSeen } from '../../../support/until.ts';

/** Like a real installation, this one takes some time, and others can see half of it. */
const program = `
  import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
  import { setTimeout as sleep } from 'node:timers/promises';
  import { installOnce } from '${resolve('local/containers/install-once.ts')}';
  const [folder, history] = process.argv.slice(1);
  await installOnce({ folder, name: 'one', install: async () => {
    appendFileSync(history, 'began ');
    mkdirSync(folder, { recursive: true });
    writeFileSync(folder + '/file', '');
    for (const part of ['a', 'b', 'c']) {
      await sleep(100);
      appendFileSync(folder + '/file', part);
    }
    appendFileSync(history, 'ended ');
  } });
  process.stdout.write(readFileSync(folder + '/file', 'utf8'));
`;

let folder: string;
let history: string;
beforeEach(() => {
  const top = freshFolder();
  folder = join(top, 'deep', 'tool');
  history = join(top, 'history');
  writeFileSync(history, '');
});

const start = (): ChildProcess =>
  spawn(process.execPath, ['--input-type=module', '--eval', program, folder, history], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
/** Returns what the program found installed. */
const foundBy = async (child: ChildProcess): Promise<string> => {
  let found = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    found += chunk.toString('utf8');
  });
  await once(child, 'close');
  return found;
};
const happened = (): string => readFileSync(history, 'utf8').trim();

describe('several processes that need the same installation', () => {
  it('get it from one of them, and each finds all of it', async () => {
    const found = await Promise.all(Array.from({ length: 5 }, () => foundBy(start())));
    expect(found).toEqual(['abc', 'abc', 'abc', 'abc', 'abc']);
    expect(happened()).toBe('began ended');
    expect(await foundBy(start())).toBe('abc');
    expect(happened()).toBe('began ended');
  });

  it('get it from another one if the first is killed in the middle', async () => {
    const first = start();
    const content = () =>
      existsSync(join(folder, 'file')) ? readFileSync(join(folder, 'file')) : '';
    await untilSeen(content, ({ length }) => length > 0);
    const waiting = [start(), start()].map(foundBy);
    first.kill('SIGKILL');
    expect(await Promise.all(waiting)).toEqual(['abc', 'abc']);
    expect(happened()).toBe('began began ended');
  });
});

describe('an installation', () => {
  const full = new Error('the disk is full');
  const install = (name: string, fault?: Error) =>
    installOnce({
      folder,
      name,
      install: () => {
        appendFileSync(history, `${name} `);
        mkdirSync(folder, { recursive: true });
        if (fault) throw fault;
      },
    });

  it('that failed says why, and is made again by the next process that needs it', async () => {
    await expect(install('1.0', full)).rejects.toBe(full);
    await expect(install('1.0', full)).rejects.toBe(full);
    await install('1.0');
    await install('1.0');
    expect(happened()).toBe('1.0 1.0 1.0');
  });

  it('is made again under another name, and once that has begun the earlier one no longer counts', async () => {
    await install('1.0');
    await expect(install('2.0', full)).rejects.toBe(full);
    await install('1.0');
    expect(happened()).toBe('1.0 2.0 1.0');
  });
});
