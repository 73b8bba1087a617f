import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import { programsWith } from '../../../../host/process/locks.ts';
import { freshFolder } from '../../../support/local-process.ts';
import { itWith } from '../../../support/needs.ts';

const itOnLinux = itWith('Linux', process.platform === 'linux');

itOnLinux('names a program that has a file locked, even if another one has ended', async () => {
  const file = join(freshFolder(), 'file');
  const descriptor = openSync(file, 'w');
  const words = ['sh', '-c', 'echo locked; read line'];
  const child = spawn('flock', ['--no-fork', '--shared', file, ...words]);
  try {
    await once(child.stdout, 'data');
    // The lock stays while the descriptor is open. Outside of containers, /proc/locks then shows
    // the id of the process that has ended.
    const { pid, status } = spawnSync('flock', ['--shared', '0'], { stdio: [descriptor] });
    expect(status).toBe(0);
    const programs = programsWith(file);
    expect(programs).toContain(`process ${child.pid} (${words.join(' ')})`);
    expect(programs.length === 1 || programs.includes(`process ${pid}`)).toBe(true);
  } finally {
    child.stdin.end();
    closeSync(descriptor);
  }
});
