import { spawn } from 'node:child_process';
import { copyFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, jest } from '@jest/globals';
import { startOf } from '../../../system/process-starts.ts';
import { endAfterTest } from '../../support/left-processes.ts';
import { freshFolder } from '../../support/local-process.ts';
import { until } from '../../support/until.ts';

/** No process has a number as high as this one: the system allows up to 2 ** 22. */
const noPid = 2 ** 22 + 1;

describe('startOf', () => {
  it.each(['linux', 'darwin'] as const)(
    'returns the start of a running process, as on %s',
    async (system) => {
      const name = join(freshFolder(), 'a) Z (b');
      copyFileSync('/bin/sleep', name);
      const child = spawn(name, ['600']);
      endAfterTest(child);
      const pid = child.pid ?? 0;
      const start = startOf(pid, system);
      expect(start).toEqual(expect.stringMatching(/\d/));
      expect(startOf(pid, system)).toBe(start);
      expect(startOf(process.pid, system)).not.toBe(start);
      expect(startOf(noPid, system)).toBeUndefined();
    },
  );

  it('returns nothing if there is no ps, as in a small container', () => {
    const path = jest.replaceProperty(process.env, 'PATH', freshFolder());
    expect(startOf(process.pid, 'darwin')).toBeUndefined();
    path.restore();
  });

  it.each(['linux', 'darwin'] as const)(
    'returns nothing for a process that has ended and that nobody has waited for, as on %s',
    async (system) => {
      // The shell becomes a program that never waits for its child.
      const parent = spawn('sh', ['-c', 'sleep 600 & echo $!; exec sleep 600']);
      endAfterTest(parent);
      let told = '';
      parent.stdout.on('data', (text) => {
        told += text;
      });
      const statOf = (pid: string | number | undefined) =>
        readFileSync(`/proc/${pid}/stat`, 'utf8');
      await until(() => told.includes('\n') && statOf(parent.pid).includes('(sleep)'));
      process.kill(Number(told));
      await until(() => / Z /.test(statOf(told.trim())));
      expect(startOf(Number(told), system)).toBeUndefined();
    },
  );
});
