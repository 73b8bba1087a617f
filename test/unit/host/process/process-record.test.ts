import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs, { readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, jest } from '@jest/globals';
import * as v from 'valibot';
import {
  createRecord,
  endRememberedChild,
  recordOf,
  rememberChild,
  residentBytesOf,
} from '../../../../host/process/process-record.ts';
import { endAfterTest } from '../../../support/left-processes.ts';
import { freshFolder } from '../../../support/local-process.ts';
import { describeWith } from '../../../support/needs.ts';

it('the process record in a folder is found only while the process that it names runs', () => {
  const folder = freshFolder();
  const { remember, forget, find } = createRecord('it.json', v.object({ url: v.string() }));
  const url = 'http://127.0.0.1:1';
  expect(find(folder)).toBeUndefined();
  remember(folder, { url });
  expect(find(folder)).toEqual({ url });
  forget(folder);
  expect(find(folder)).toBeUndefined();
  const killed = { pid: process.pid, startTime: 'of another' };
  writeFileSync(join(folder, 'it.json'), JSON.stringify({ process: killed, url }));
  expect(find(folder)).toBeUndefined();
});

const onLinux = describeWith('Linux', process.platform === 'linux');

onLinux('a process that has the pid and the ticks of a record', () => {
  const ticksOf = (start = '') => start.split(' ').at(-1) ?? '';
  const written = { now: new Date(), beforeTheBoot: new Date(0) };

  it.each([
    ['is ended if the record has its boot', (start: string) => start, written.beforeTheBoot, true],
    [
      'is left alone if the record has another boot',
      (start: string) => `b ${ticksOf(start)}`,
      written.now,
      false,
    ],
    ['is ended if 2.0.0 wrote the record since the boot', ticksOf, written.now, true],
    [
      'is left alone if 2.0.0 wrote the record before the boot',
      ticksOf,
      written.beforeTheBoot,
      false,
    ],
  ])('%s', async (_, change, time, isEnded) => {
    const file = join(freshFolder(), 'pid');
    const child = spawn('sleep', ['600']);
    endAfterTest(child);
    const ended = once(child, 'exit');
    rememberChild(file, child);
    const record = JSON.parse(readFileSync(file, 'utf8'));
    const startTime = change(record.startTime);
    writeFileSync(file, JSON.stringify({ ...record, startTime }));
    utimesSync(file, time, time);
    await endRememberedChild(file);
    if (isEnded) await ended;
    else expect(recordOf(record.pid)).toEqual(record);
    expect([child.exitCode, child.signalCode]).toEqual([null, isEnded ? 'SIGKILL' : null]);
  });
});

it('a process still gives the reason for its end if its record cannot be removed', () => {
  const folder = freshFolder();
  const { remember, forget } = createRecord('it.json', v.object({ url: v.string() }));
  remember(folder, { url: 'http://127.0.0.1:1' });
  const remove = jest.spyOn(fs, 'rmSync').mockImplementation(() => {
    throw new Error('EROFS: read-only file system');
  });
  expect(() => forget(folder)).not.toThrow();
  expect(remove).toHaveBeenCalledTimes(1);
  remove.mockRestore();
});

it('residentBytesOf returns the memory of a running process, where the system reports it', () => {
  const isLinux = process.platform === 'linux';
  expect((residentBytesOf(process.pid) ?? 0) > 10_000_000).toBe(isLinux);
  expect(residentBytesOf(2 ** 30)).toBeNull();
});
