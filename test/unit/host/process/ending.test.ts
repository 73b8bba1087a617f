/**
 * How programs end. Each test runs a small program that uses the same modules as the real programs.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { type Closer, closeAll } from '../../../../host/process/ending.ts';
import {
  isRunning,
  type ProcessRecord,
  recordOf,
} from '../../../../host/process/process-record.ts';
import { freshFolder, type LocalProcess, lineOf, runFile } from '../../../support/local-process.ts';
import { openTerminal } from '../../../support/terminal.ts';
import { until } from '../../../support/until.ts';

/**
 * Starts a child that needs 0.05 s to end after SIGTERM. The folder it works in may be removed only
 * after that.
 */
const work = `
const folder = process.env.WORK;
closeAtEnd(() => rmSync(folder, { recursive: true }));
const script = 'trap "sleep 0.05; echo gone > ended; exit" TERM; echo begun > begun; while :; do sleep 0.05; done';
const child = startProgram('sh', ['-c', script], { cwd: folder, stdio: 'ignore' });
closeAtEnd(() => appendFileSync(process.env.SEEN, existsSync(folder) ? 'there' : 'lost'));
process.stdout.write('child ' + child.pid + '\\n');
`;
const programs = {
  abandoned: `${work} await new Promise(() => setInterval(() => undefined, 1_000));`,
  serving: `${work} await untilSignal(); process.stdout.write('in good order\\n');`,
  failing: `${work} throw failure('it failed');`,
  printing: `${work} setInterval(() => process.stdout.write('line\\n'), 10); await new Promise(() => undefined);`,
};

let folder: string;
beforeEach(() => {
  folder = freshFolder();
  mkdirSync(join(folder, 'work'));
});

const variables = () => ({ WORK: join(folder, 'work'), SEEN: join(folder, 'seen') });

const write = (name: keyof typeof programs): string => {
  const file = join(folder, 'program.ts');
  const module = (path: string) => JSON.stringify(resolve(path));
  writeFileSync(
    file,
    `import { appendFileSync, existsSync, rmSync } from 'node:fs';
    import { startProgram } from ${module('host/process/supervisor.ts')};
    import { failure } from ${module('system/failures.ts')};
    import { closeAtEnd, untilSignal } from ${module('host/process/ending.ts')};
    import { newProgram, runProgram } from ${module('host/process/program.ts')};
    await runProgram(newProgram('it', 'works', []).action(async () => { ${programs[name]} }));`,
  );
  return file;
};
const start = (name: keyof typeof programs): LocalProcess => runFile(write(name), [], variables());

/** Returns the child of the program, once the child handles signals. */
const childOf = async (program: LocalProcess): Promise<ProcessRecord> => {
  const pid = Number(await lineOf(program, /^child (\d+)$/));
  await until(async () => existsSync(join(folder, 'work', 'begun')));
  const record = recordOf(pid);
  if (record === undefined) throw new Error('the child has ended');
  return record;
};
const expectAllEnded = (child: ProcessRecord): void => {
  expect(isRunning(child)).toBe(false);
  expect(existsSync(join(folder, 'work'))).toBe(false);
  // Closers run in reverse order, so the closer that was added last found the folder still there.
  expect(readFileSync(join(folder, 'seen'), 'utf8')).toBe('there');
};

describe('a program that is asked to end', () => {
  it.each([
    ['SIGTERM', 143],
    ['SIGINT', 130],
    ['SIGHUP', 129],
  ] as const)(
    'ends on %s without finishing its work, but only after it has ended what it has started',
    async (signal, code) => {
      const program = start('abandoned');
      const child = await childOf(program);
      program.child.kill(signal);
      program.child.kill(signal);
      expect(await program.exit).toBe(code);
      expect(program.errors).toEqual(['stopped, with everything that it had started']);
      expectAllEnded(child);
    },
  );

  it.each([
    ['serving', 'in good order\n\nstopped\n'],
    ['abandoned', '\nstopped, with everything that it had started\n'],
  ] as const)('prints at a terminal that it has ended: the %s program', async (name, told) => {
    const terminal = openTerminal(`exec '${process.execPath}' '${write(name)}'`, variables());
    await terminal.shows(/^child \d+\n/);
    await terminal.interrupt();
    expect(terminal.seen().replace(/^child \d+\n\^C/, '')).toBe(told);
  });

  it('finishes its work in order if the work waits for the signal', async () => {
    const program = start('serving');
    const child = await childOf(program);
    program.child.kill('SIGTERM');
    expect(await program.exit).toBe(0);
    expect(program.output.at(-1)).toBe('in good order');
    expectAllEnded(child);
  });
});

describe('a program', () => {
  it('ends what it has started if its work fails', async () => {
    const program = start('failing');
    expect(await program.exit).toBe(1);
    expect(program.errors).toEqual(['it failed']);
    expect(existsSync(join(folder, 'work'))).toBe(false);
  });

  it('ends silently with exit code 141 if nobody reads its output any longer', async () => {
    const program = start('printing');
    const child = await childOf(program);
    program.child.stdout?.destroy();
    expect(await program.exit).toBe(141);
    expect(program.errors).toEqual([]);
    expectAllEnded(child);
  });
});

describe('closeAll', () => {
  const closed: string[] = [];
  const part = (name: string, failure?: string): Closer => {
    return async () => {
      await new Promise(setImmediate);
      closed.push(name);
      if (failure !== undefined) throw new Error(failure);
    };
  };

  it('closes in reverse order, one at a time, and only once', async () => {
    const closers = [part('lock'), part('store'), () => void closed.push('client')];
    await closeAll(closers);
    await closeAll(closers);
    expect(closed.splice(0)).toEqual(['client', 'store', 'lock']);
  });

  it('closes everything even if some fail, and then throws the first error', async () => {
    const thrower = () => {
      throw new Error('no answer');
    };
    const closers = [part('lock'), part('store', 'it hangs'), thrower, part('client')];
    await expect(closeAll(closers)).rejects.toThrow('no answer');
    expect(closed.splice(0)).toEqual(['client', 'store', 'lock']);
  });
});
