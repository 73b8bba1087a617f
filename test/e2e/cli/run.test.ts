/** Signals and pipes of `dsvault run` and `dsvault bisect`. `scripts/` covers the rest. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { type Dsvault, openDsvault } from '../../support/dsvault.ts';
import { useVault } from '../../support/running-vault.ts';

const vault = useVault();
let dsvault: Dsvault;
beforeAll(() => {
  dsvault = openDsvault({ DSVAULT_ADDR: vault.baseUrl(), DSVAULT_TOKEN: vault.token() });
  writeFileSync(join(dsvault.folder, '.env'), 'PLAIN=1\n');
});

describe('a signal to dsvault run', () => {
  it.each(['TERM', 'HUP', 'INT', 'QUIT', 'USR1', 'USR2'])(
    'reaches the program, which decides how to end: %s',
    async (signal) => {
      const script = `trap 'echo got; exit 7' ${signal}; echo ready; while :; do sleep 0.05; done`;
      const started = dsvault.start(['run', '--', 'sh', '-c', script]);
      await started.prints('ready');
      started.child.kill(`SIG${signal}` as NodeJS.Signals);
      expect(await started.ran).toMatchObject({ code: 7, stdout: 'ready\ngot\n' });
    },
  );

  it('arrives once when a terminal sends it', async () => {
    const script = `
      let count = 0;
      process.on('SIGINT', () => console.log('got', ++count));
      process.stdin.once('data', () => process.exit(count));
      console.log('ready');`;
    const command = ['run', '--', 'node', '-e', script];
    const started = dsvault.start(command, { terminal: true, open: true });
    await started.prints('ready');
    // Two signals at the same moment may become one, which would hide a duplicate. So send many,
    // and give dsvault time to pass each one on.
    for (let times = 1; times <= 20; times += 1) {
      started.type('\u0003');
      await started.prints(`got ${times}`);
      await sleep(50);
    }
    started.type('\r');
    expect(await started.ran).toMatchObject({ code: 20 });
  });
});

describe('a signal to dsvault bisect', () => {
  it('ends the program and the search, even if the program exits with 0, which would otherwise mean that the value is good', async () => {
    const name = await vault.create('one');
    const path = `/v1/secrets/${name}`;
    await vault.ask('PUT', path, { value: 'two' });
    const { versions = [] } = (await vault.ask('GET', `${path}/versions`)).json;
    const good = versions.at(-1)?.validFrom ?? '';
    // If the bisection went on after the signal, the program would start a second time and exit
    // with 9.
    const script =
      "mkdir begun || exit 9; trap 'exit 0' INT; echo ready; while :; do sleep 0.05; done";
    const command = ['bisect', '-f', '-', '--good', good, '--', 'sh', '-c', script];
    const started = dsvault.start(command, { input: `A="secret(${name})"\n` });
    await started.prints('ready');
    started.child.kill('SIGINT');
    const ran = await started.ran;
    expect(ran).toMatchObject({ code: 130, stdout: 'ready\n' });
    expect(ran.stderr).toContain('SIGINT ended the search (interrupted)');
  });
});

describe('dsvault run --redact', () => {
  let started: ReturnType<Dsvault['start']>;
  afterEach(() => void started.child.kill('SIGKILL'));

  it('is ended by a signal when its program is gone, although a child of the program still prints', async () => {
    const script =
      '(while kill -0 $$; do sleep 0.05; done; echo gone; while kill -0 $PPID; do sleep 0.05; done) &';
    started = dsvault.start(['run', '--redact', '--', 'sh', '-c', script]);
    await started.prints('gone');
    started.child.kill('SIGTERM');
    expect((await started.ran).stdout).toBe('gone\n');
    expect(started.child.signalCode).toBe('SIGTERM');
  });

  it('ends when nobody reads its output any more', async () => {
    started = dsvault.start(['run', '--redact', '--', 'yes']);
    await started.prints('y');
    started.child.stdout?.destroy();
    expect((await started.ran).code).not.toBe(0);
  });
});
