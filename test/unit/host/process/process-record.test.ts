import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import * as v from 'valibot';
import { createRecord, residentBytesOf } from '../../../../host/process/process-record.ts';
import { freshFolder } from '../../../support/local-process.ts';

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

it('residentBytesOf returns the memory of a running process, where the system reports it', () => {
  const isLinux = process.platform === 'linux';
  expect((residentBytesOf(process.pid) ?? 0) > 10_000_000).toBe(isLinux);
  expect(residentBytesOf(2 ** 30)).toBeNull();
});
