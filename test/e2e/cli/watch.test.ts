/**
 * `dsvault run --watch`: what happens to the program when a secret, the file or the vault changes.
 */
import { readFileSync, renameSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type Dsvault, openDsvault } from '../../support/dsvault.ts';
import { type FaultyFront, startFaultyFront } from '../../support/faulty-front.ts';
import { useVault } from '../../support/running-vault.ts';
import { until } from '../../support/until.ts';

const vault = useVault();
let front: FaultyFront;
let dsvault: Dsvault;
let name: string;
beforeAll(async () => {
  front = await startFaultyFront(vault.baseUrl);
  dsvault = openDsvault({ DSVAULT_ADDR: front.url, DSVAULT_TOKEN: vault.token() });
});
afterAll(() => front.close());
beforeEach(async () => {
  front.plan();
  name = await vault.create('one');
  writeFileSync(join(dsvault.folder, '.env'), `V="secret(${name})"\n`);
});

const update = (value: string) => vault.ask('PUT', `/v1/secrets/${name}`, { value });
let started: ReturnType<Dsvault['start']>;
/**
 * Starts `dsvault run --watch` with a sh script that sets traps, prints `up` and the value, and
 * lasts until dsvault is gone. The file is also on the stdin of dsvault.
 */
const watch = (script: string, ...flags: readonly string[]) => {
  const program = `${script}; echo "up $V"; while kill -0 $PPID; do sleep 0.05; done`;
  const command = ['run', '--watch', '--interval', '0.1', ...flags, '--', 'sh', '-c', program];
  started = dsvault.start(command, { input: `V="secret(${name})"\n` });
};
const count = (text: string, part: string): number => text.split(part).length - 1;
/** Waits until dsvault has sent that many more requests to the vault. */
const asksOn = async (times = 3) => {
  const before = front.seen().length;
  await until(() => front.seen().length >= before + times);
};

describe('dsvault run --watch', () => {
  it('restarts the program for a new version and a changed file, and ends with it', async () => {
    const began = vault.lines().length;
    watch(`[ "$V" = three ] && exit 5; trap 'echo down; exit 0' TERM`);
    await started.prints('up one');
    await asksOn(12);
    await update('two');
    await started.prints('up two');
    writeFileSync(
      join(dsvault.folder, '.env'),
      `# a comment restarts nothing\nV="secret(${name})"\n`,
    );
    await asksOn();
    // The vault has decrypted only three times: for each of the two versions, and for the changed
    // file. So dsvault does not fetch values that it already has.
    const decrypted = (line: string) => /expand-env.*"kmsCalls":1/.test(line);
    expect(vault.lines().slice(began).filter(decrypted)).toHaveLength(3);
    writeFileSync(join(dsvault.folder, '.env'), `V="twice secret(${name})"\n`);
    await started.prints('up twice two');
    writeFileSync(join(dsvault.folder, '.env'), 'V=three\n');
    expect(await started.ran).toMatchObject({
      code: 5,
      stdout: 'up one\ndown\nup two\ndown\nup twice two\ndown\n',
      stderr: [
        `dsvault: ${name}@2 changed: dsvault restarts the program\n`,
        ...Array(2).fill('dsvault: .env changed: dsvault restarts the program\n'),
      ].join(''),
    });
  });

  it('lets the program keep its values while it cannot read new ones, and says so once for each interruption', async () => {
    watch("trap 'echo still $V' USR1; trap 'exit 3' USR2", '--timeout', '600');
    await started.prints('up one');
    const path = `/v1/secrets/${name}`;
    const bad = { status: 401, headers: { 'Content-Type': 'text/html' }, body: 'no' };
    front.plan({ status: 503 }, 'drop', bad, { status: 500 });
    await started.prints('can be expanded again');
    await vault.ask('DELETE', path);
    await started.prints(`${name}: the token sees no such secret or version`);
    await asksOn();
    started.child.kill('SIGUSR1');
    await started.prints('still one');
    await vault.ask('POST', '/v1/secrets', { name, value: 'three' });
    await started.prints('up three');
    const link = join(dsvault.folder, 'link');
    symlinkSync('.env', link);
    renameSync(link, join(dsvault.folder, '.env'));
    await started.prints('cannot read .env (ELOOP)');
    rmSync(join(dsvault.folder, '.env'));
    writeFileSync(join(dsvault.folder, '.env'), 'V="');
    // A request to the vault that hangs must not delay the end of dsvault when the program exits.
    front.plan('hang');
    await until(() => front.seen().length > 0);
    started.child.kill('SIGUSR2');
    const { code, stdout, stderr } = await started.ran;
    expect({ code, stdout }).toEqual({ code: 3, stdout: 'up one\nstill one\nup three\n' });
    expect(count(stderr, 'the program keeps its values')).toBe(3);
    expect(count(stderr, 'can be expanded again')).toBe(2);
    expect(stderr).not.toContain('tries again');
  });

  it('starts the program again with its old values if the new ones do not fit into an environment', async () => {
    writeFileSync(join(dsvault.folder, '.env'), `V="${`secret(${name})`.repeat(3)}"\n`);
    watch("trap 'exit 3' USR2");
    await started.prints('up oneoneone');
    await update('x'.repeat(60_000));
    await started.prints('sh: cannot be run (E2BIG)');
    await started.prints('up oneoneone\nup oneoneone');
    await update('two');
    await started.prints('up twotwotwo');
    started.child.kill('SIGUSR2');
    const stdout = 'up oneoneone\nup oneoneone\nup twotwotwo\n';
    expect(await started.ran).toMatchObject({ code: 3, stdout });
  });

  it.each([
    ['TERM', "trap 'echo down' TERM", ['-f', '-', '--grace', '2'], 'up one\ndown\nup two\n'],
    ['INT', "trap 'echo down; exit' INT", ['--signal', 'int'], 'up one\ndown\nup two\n'],
  ])(
    'ends the program with %s, and with KILL after the grace period',
    async (_, script, flags, seen) => {
      // The file comes from stdin, which can be read only once.
      watch(`${script}; trap 'exit 4' USR2`, ...flags);
      await started.prints('up one');
      await update('two');
      await started.prints('up two');
      started.child.kill('SIGUSR2');
      expect(await started.ran).toMatchObject({ code: 4, stdout: seen });
    },
  );

  it.each([
    ['TERM', ''],
    ['HUP', 'hup\n'],
  ])('starts nothing if %s arrives during a restart', async (signal, seen) => {
    const traps = "trap 'echo down' TERM; trap 'echo hup' HUP; trap 'echo tick' USR1";
    watch(`${traps}; trap 'exit 6' USR2`);
    await started.prints('up one');
    await update('two');
    await started.prints('down');
    started.child.kill(`SIG${signal}` as NodeJS.Signals);
    await started.prints(seen);
    // If a second TERM were sent, it would reach the program before this signal.
    started.child.kill('SIGUSR1');
    await started.prints('tick');
    started.child.kill('SIGUSR2');
    expect(await started.ran).toMatchObject({ code: 6, stdout: `up one\ndown\n${seen}tick\n` });
  });

  it('restarts nothing after TERM, which reaches the program once', async () => {
    const script = "trap 'echo down' TERM; trap 'echo tick' USR1; trap 'exit 6' USR2";
    watch(script);
    await started.prints('up one');
    started.child.kill('SIGTERM');
    await started.prints('down');
    await update('two');
    for (let times = 1; times <= 10; times += 1) {
      started.child.kill('SIGUSR1');
      await started.prints('tick\n'.repeat(times));
    }
    started.child.kill('SIGUSR2');
    expect((await started.ran).stdout).toBe(`up one\ndown\n${'tick\n'.repeat(10)}`);
  });

  it('hides old and new values after a restart with --redact', async () => {
    await update('c4n4ry-1');
    writeFileSync(join(dsvault.folder, 'old'), 'c4n4ry-1');
    const script = `trap 'exit 0' TERM USR2; V="$(printf "$V" | wc -c) $V $(cat old)"`;
    watch(script, '--redact');
    // Node warns at the eleventh listener, so each ended program must remove its listeners.
    for (let times = 1; times <= 11; times += 1) {
      await started.prints(`up ${7 + times} [redacted] [redacted]`);
      await update(`c4n4ry-${'1'.repeat(times + 1)}`);
    }
    await started.prints('up 19 [redacted] [redacted]');
    started.child.kill('SIGUSR2');
    const { stdout, stderr } = await started.ran;
    expect(stdout + stderr).not.toMatch(/c4n4ry|Warning/);
  });

  it('watches all files, and names the one that changed', async () => {
    const other = join(dsvault.folder, 'other.env');
    writeFileSync(other, '# nothing yet\n');
    watch("trap 'exit 0' TERM; trap 'exit 3' USR2", '-f', '.env', '-f', 'other.env');
    await started.prints('up one');
    writeFileSync(other, 'V=\n');
    await started.prints('up \n');
    writeFileSync(other, 'V="other secret(');
    await started.prints('other.env:1:3: the value has no closing quote');
    writeFileSync(other, `V="other secret(${name})"\n`);
    await started.prints('.env, other.env can be expanded again');
    await update('two');
    await started.prints('up other two');
    started.child.kill('SIGUSR2');
    const { stdout, stderr } = await started.ran;
    expect(stdout).toBe('up one\nup \nup other one\nup other two\n');
    const changes = stderr.match(/\S+(?= changed)/g);
    expect(changes).toEqual(['other.env', `${name}@1`, `${name}@2`]);
  });

  it('tells the program its new versions at a restart, and does not restart it for a new version of the same value', async () => {
    watch(`echo "$DSVAULT_VERSIONS"; trap 'exit 0' TERM USR2`);
    await started.prints('up one');
    await update('two');
    await started.prints('up two');
    await update('two');
    await asksOn();
    started.child.kill('SIGUSR2');
    const { stdout } = await started.ran;
    expect(stdout).toBe(`${name}@1\nup one\n${name}@2\nup two\n`);
  });

  it('with --write, writes the file again and signals the program instead of restarting it', async () => {
    const script =
      "printenv V; trap 'echo again; . ./out.env; echo $V' HUP; trap 'exit 2' USR2; . ./out.env";
    watch(script, '--write', 'out.env', '--signal', 'HUP');
    await started.prints('up one');
    await update('two words');
    await started.prints('again\ntwo words\n');
    started.child.kill('SIGUSR2');
    expect(await started.ran).toMatchObject({ code: 2, stdout: 'up one\nagain\ntwo words\n' });
    const file = join(dsvault.folder, 'out.env');
    expect(readFileSync(file, 'utf8')).toBe("V='two words'\n");
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });
});
