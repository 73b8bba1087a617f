/** `dsv run`: the program's environment, its signals and its end. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Dsv, openDsv } from '../../support/dsv.ts';
import { freshName, type RunningVault, startVault } from '../../support/running-vault.ts';

let vault: RunningVault;
let dsv: Dsv;
/** A text in every secret of this file. */
const canary = 'c4n4ry';
const value = `${canary} $HOME 'x' "y"`;
let name: string;
const create = async (secret: string): Promise<string> => {
  const fresh = freshName();
  await vault.call('POST', '/v1/secrets', {
    token: vault.token(),
    body: { name: fresh, value: secret },
  });
  return fresh;
};
beforeAll(async () => {
  vault = await startVault();
  dsv = openDsv({ DSV_ADDR: vault.baseUrl(), DSV_TOKEN: vault.token() });
  name = await create(value);
  writeFileSync(
    join(dsv.folder, '.env'),
    `PLAIN=1\nSECRET="secret(${name})"\nURL="x://secret(${name})@h"\n`,
  );
});
afterAll(() => vault.stop());

/** Matches the same message with the id of another request. */
const withRequest = (message: string) =>
  expect.stringMatching(
    message
      .split(/request [\w-]+/)
      .map((part) => part.replaceAll(/[^\w\s]/g, '\\$&'))
      .join('request [\\w-]+'),
  );
const sh = (script: string) => ['--', 'sh', '-c', script];

describe('the program of dsv run', () => {
  it('gets exactly the variables of .env in addition to those of dsv', async () => {
    const ran = await dsv.run(['run', ...sh('printf "%s|%s|%s" "$PLAIN" "$URL" "$MINE"')], {
      env: { MINE: 'm' },
    });
    expect(ran).toEqual(
      expect.objectContaining({ code: 0, stdout: `1|x://${value}@h|m`, stderr: '' }),
    );
  });

  it('gets nothing else with --pristine, and starts nevertheless', async () => {
    const { stdout } = await dsv.run(['run', '--pristine', '--', 'env']);
    expect(stdout).toBe(`PLAIN=1\nSECRET=${value}\nURL=x://${value}@h\n`);
  });

  it('starts from the PATH of dsv, also from the folder "."', async () => {
    writeFileSync(join(dsv.folder, 'here'), '#!/bin/sh\necho "found, $PATH"\n', { mode: 0o755 });
    const env = { PATH: `.:${process.env['PATH']}` };
    const input = 'PATH=/usr/bin:/bin';
    const ran = await dsv.run(['run', '--env-file', '-', '--', 'here'], { input, env });
    expect(ran).toMatchObject({ code: 0, stdout: 'found, /usr/bin:/bin\n' });
  });

  it('gets only the keys of --only, without a read of other secrets', async () => {
    const file = join(dsv.folder, 'only.env');
    writeFileSync(file, `A=1\nB="secret(NOPE)"\nC='x\ny'\nD=4\n`);
    const flags = ['--pristine', '--env-file', file, '--only', 'A,D'];
    expect((await dsv.run(['run', ...flags, '--', 'env'])).stdout).toBe('A=1\nD=4\n');
    writeFileSync(file, `A=1\nC='x\ny'\nD="secret(NOPE)"\n`);
    const missing = await dsv.run(['run', ...flags, '--', 'env']);
    expect(missing).toMatchObject({ code: 3, stderr: expect.stringContaining(`${file}:4:4: `) });
    const typed = await dsv.run(['run', '--env-file', file, '--only', 'A,Z', '--', 'env']);
    expect(typed).toMatchObject({ code: 2, stdout: '' });
  });

  it('gets nothing of the raw file, because Node does not read --env-file itself', async () => {
    const file = join(dsv.folder, 'raw.env');
    writeFileSync(file, `DSV_RETRIES=none\nA=1\nLEFT="secret(${name})"\n`);
    const ran = await dsv.run(['run', '--env-file', file, '--only', 'A', '--', 'env']);
    expect(ran.code).toBe(0);
    expect(ran.stdout).toContain('A=1\n');
    expect(ran.stdout).not.toContain('LEFT');
  });

  it('gets stdin, stdout and stderr of dsv, and its terminal if there is one', async () => {
    const ran = await dsv.run(['run', ...sh('cat; echo told >&2')], { input: 'typed' });
    expect(ran).toMatchObject({ code: 0, stdout: 'typed', stderr: 'told\n' });
    const terminal = await dsv.run(['run', ...sh('test -t 0 && test -t 1 && echo both')], {
      terminal: true,
    });
    expect(terminal.stdout).toBe('both\r\n');
  });

  it('stays unstarted if the file has an error or a value that no variable can hold', async () => {
    const zero = await create(`${canary}\0`);
    for (const input of ['A', `A="secret(${zero})"`]) {
      const ran = await dsv.run(['run', '--env-file', '-', ...sh('echo started')], { input });
      expect(ran).toMatchObject({ code: 6, stdout: '' });
    }
  });
});

describe('the exit code of dsv run', () => {
  it.each([
    ['is the exit code of the program', ['sh', '-c', 'exit 42'], 42],
    [
      'is 128 plus the number of the signal that ended the program',
      ['sh', '-c', 'kill -KILL $$'],
      137,
    ],
    ['is 126 for a file that is no program', ['/etc/passwd'], 126],
    ['is 127 for a missing program', ['no-such-program'], 127],
  ] as const)('%s', async (_, command, code) => {
    expect((await dsv.run(['run', '--', ...command])).code).toBe(code);
  });

  it('is 126 if the system refuses to start the program, and stderr shows no value', async () => {
    const long = await create(`${canary}${'x'.repeat(60_000)}`);
    const input = `A="${`secret(${long})`.repeat(3)}"`;
    const ran = await dsv.run(['run', '--env-file', '-', '--', 'true'], { input });
    expect(ran).toMatchObject({ code: 126, stderr: expect.stringContaining('E2BIG') });
  });
});

describe('a signal to dsv run', () => {
  it.each(['TERM', 'HUP', 'INT', 'QUIT', 'USR1', 'USR2'])(
    '%s reaches the program, which decides',
    async (signal) => {
      const script = `trap 'echo got; exit 7' ${signal}; echo ready; while :; do sleep 0.05; done`;
      const started = dsv.start(['run', ...sh(script)]);
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
    const started = dsv.start(command, { terminal: true, open: true });
    await started.prints('ready');
    // Repeat, because two signals at the same moment may merge into one.
    for (let times = 1; times <= 8; times += 1) {
      started.type('\u0003');
      await started.prints(`got ${times}`);
    }
    started.type('\r');
    expect(await started.ran).toMatchObject({ code: 8 });
  });
});

describe('dsv run --redact', () => {
  it('hides secrets in both outputs, split or whole, alone or within a line', async () => {
    const script = `
      printf %s "$SECRET" | cut -c1-3 | tr -d '\\n'; sleep 0.2; printf %s "$SECRET" | cut -c4-
      echo "before $URL after" >&2
      exit 5`;
    const ran = await dsv.run(['run', '--redact', ...sh(script)]);
    expect(ran).toMatchObject({
      code: 5,
      stdout: '[redacted]\n',
      stderr: 'before x://[redacted]@h after\n',
    });
  });

  it('hides each of several secrets in a line, and names one that is too short', async () => {
    const [one, other] = [await create(`${canary}-one`), await create('ab')];
    const cyrillic = await create('жж');
    const input = `A="secret(${one})secret(${other})secret(${name}@1) secret(${cyrillic})"`;
    const script = 'printf "%s\\n" "$A"';
    const ran = await dsv.run(['run', '--redact', '--env-file', '-', ...sh(script)], { input });
    expect(ran.stdout).toBe('[redacted]ab[redacted] [redacted]\n');
    expect(ran.stderr).toBe(`dsv: ${other} is too short to be redacted\n`);
  });

  it('hides values of the largest size and of many lines', async () => {
    const lines = Array.from({ length: 1_000 }, (_, index) =>
      `${canary} и ${index}`.padEnd(60, '='),
    );
    const large = await create(lines.join('\n'));
    const input = `A="secret(${large})"`;
    const script = 'printf "<%s>" "$A"; printf %s "$A" | tail -n 1 >&2; exit 5';
    const ran = await dsv.run(['run', '--redact', '--env-file', '-', ...sh(script)], { input });
    expect(ran).toMatchObject({ code: 5, stdout: '<[redacted]>', stderr: '[redacted]' });
  });

  it('reports the same errors of the file as without the flag', async () => {
    const run = (input: string, ...flags: string[]) =>
      dsv.run(['run', ...flags, '--env-file', '-', '--', 'true'], { input });
    for (const file of [
      `B="secret(${name})"\nA="foo`,
      `A="secret(${name})"\r`,
      `DSV_REDACTED_0=x\nK0="secret(${name})"`,
      'A="secret(NOPE)"',
    ]) {
      const { code, stderr } = await run(file);
      expect(await run(file, '--redact')).toMatchObject({ code, stderr: withRequest(stderr) });
    }
  });

  it('passes all other bytes unchanged', async () => {
    const script = `head -c 300000 /dev/zero | tr '\\0' '\\377'; printf '${canary.slice(0, 3)}'`;
    const ran = await dsv.run(['run', '--redact', ...sh(script)]);
    expect(ran.bytes.subarray(0, 300_000).every((byte) => byte === 0xff)).toBe(true);
    expect(ran.bytes.subarray(300_000).toString()).toBe(canary.slice(0, 3));
  });

  it('ends when nobody reads its output any more', async () => {
    const started = dsv.start(['run', '--redact', '--', 'yes']);
    await started.prints('y');
    started.child.stdout?.destroy();
    expect((await started.ran).code).not.toBe(0);
  });
});

describe('dsv run', () => {
  it('leaves flags of the program to the program', async () => {
    const ran = await dsv.run(['run', 'sh', '-c', 'echo "$0 $1"', '--json', '--redact']);
    expect(ran).toMatchObject({ code: 0, stdout: '--json --redact\n' });
  });

  it('shows no value in messages or in the list of processes', () => {
    expect(dsv.seenIn(canary)).toEqual([]);
  });
});
