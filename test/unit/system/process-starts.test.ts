import { spawn } from 'node:child_process';
import { copyFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, jest } from '@jest/globals';
import { startsOf } from '../../../system/process-starts.ts';
import { endAfterTest } from '../../support/left-processes.ts';
import { freshFolder } from '../../support/local-process.ts';
import { until } from '../../support/until.ts';

/** No process has a number as high as this one: the system allows up to 2 ** 22. */
const noPid = 2 ** 22 + 1;

describe('startsOf', () => {
  it.each(['linux', 'darwin'] as const)(
    'returns the start of each running process, as on %s',
    async (system) => {
      const name = join(freshFolder(), 'a) Z (b');
      copyFileSync('/bin/sleep', name);
      const child = spawn(name, ['600']);
      endAfterTest(child);
      const pid = child.pid ?? 0;
      const starts = startsOf([process.pid, pid, noPid], system);
      expect([...starts.keys()].sort()).toEqual([process.pid, pid].sort());
      expect(starts.get(pid)).toEqual(expect.stringMatching(/\d/));
      expect(startsOf([pid], system).get(pid)).toBe(starts.get(pid));
    },
  );

  it('returns null for a running process if there is no ps, as in a small container', () => {
    const path = jest.replaceProperty(process.env, 'PATH', freshFolder());
    expect([...startsOf([process.pid, noPid], 'darwin')]).toEqual([[process.pid, null]]);
    path.restore();
  });

  it.each(['linux', 'darwin'] as const)(
    'leaves out a process that has ended and that nobody has waited for, as on %s',
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
      expect([...startsOf([Number(told)], system)]).toEqual([]);
    },
  );
});
