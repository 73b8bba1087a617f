/**
 * The command lines of all programs. A file of `local/` with a top-level `await` is a program, and so is a file that a
 * script of package.json runs. So no new program can be left out here.
 */
import { execFile } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { freshFolder } from '../../../support/local-process.ts';

const slow = 30_000;

const manifest: { readonly scripts: Readonly<Record<string, string>> } = JSON.parse(
  readFileSync('package.json', 'utf8'),
);
const scripted = Object.values(manifest.scripts).flatMap(
  (script) => /^exec node .*?((?:local|test|bench)\/\S+\.ts)$/.exec(script)?.slice(1) ?? [],
);
const awaiting = readdirSync('local', { recursive: true, encoding: 'utf8' })
  .map((name) => `local/${name}`)
  .filter((file) => file.endsWith('.ts') && /^await /m.test(readFileSync(file, 'utf8')));
const others = ['test/cluster/chaos/run.ts', 'test/support/images/prepare.ts'];
const programs = [...new Set([...scripted, ...awaiting, ...others])].sort();

/** The first word of these is the name of a file, so any word may be right. */
const takingFiles = ['local/bin/backup.ts', 'local/bin/restore.ts'];

/** Programs that would change the machine. Each is replaced by one that only records its call. */
const acting = 'apt-get docker docker-compose dockerd etcd go ip java npm pip python3 sam setpriv';

let folder: string;
beforeEach(() => {
  folder = freshFolder();
  mkdirSync(join(folder, 'bin'));
  for (const name of acting.split(' ')) {
    const file = join(folder, 'bin', name);
    writeFileSync(file, `#!/bin/sh\necho "${name} $*" >> ${join(folder, 'called')}\nexit 1\n`);
    chmodSync(file, 0o755);
  }
});

const run = (file: string, ...args: readonly string[]) => runWith({}, file, ...args);
const runWith = (settings: NodeJS.ProcessEnv, file: string, ...args: readonly string[]) =>
  new Promise<{ code: number; stdout: string; stderr: string }>((resolve) => {
    const env = {
      PATH: join(folder, 'bin'),
      HOME: folder,
      TMPDIR: folder,
      VAULT_DATA_DIR: join(folder, 'data'),
      VAULT_CLUSTER_FILE: join(folder, 'cluster.json'),
      ...{ PORT: '0', CLUSTER_PORT: '0', ...settings },
    };
    const options = { env, timeout: slow } as const;
    execFile(process.execPath, [file, ...args], options, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code ?? -1), stdout, stderr });
    });
  });
const traces = () => [
  ...['data', 'cluster.json'].filter((name) => existsSync(join(folder, name))),
  ...(existsSync(join(folder, 'called')) ? [readFileSync(join(folder, 'called'), 'utf8')] : []),
];

/** A port that is in use until this process ends. */
const takePort = async (): Promise<number> => {
  const server = createServer().unref();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
};

it('this table finds the programs of package.json and those of local/ by itself', () => {
  expect(programs).toEqual(
    expect.arrayContaining(['local/bin/start.ts', 'local/bin/node.ts', 'bench/bench.ts']),
  );
});

it.each([
  ['local/bin/backup.ts', [], 'FILE'],
  ['local/bin/restore.ts', [], 'FILE'],
  ['local/bin/policy.ts', [], 'bundle FILE'],
  ['local/bin/policy.ts', ['bundle'], 'FILE'],
  ['local/bin/key.ts', [], 'status, disable or enable'],
])('%s names the word that is missing: %j', async (file, words, missing) => {
  const stderr = `${missing} is missing; --help shows how it is used\n`;
  expect(await run(file, ...words)).toEqual({ code: 2, stdout: '', stderr });
  expect(traces()).toEqual([]);
});

it.each([
  ['local/bin/backup.ts', ['file']],
  ['local/bin/inspect.ts', []],
])('%s refuses a vault whose data are in no folder', async (file, words) => {
  const stderr = '--for is start or cluster\n';
  expect(await run(file, ...words, '--for', 'docker')).toEqual({ code: 2, stdout: '', stderr });
  expect(traces()).toEqual([]);
});

it.each(['local/bin/start.ts', 'local/bin/cluster.ts'])(
  '%s names the variable of a port that is taken, and leaves no folder',
  async (file) => {
    const port = await takePort();
    const name = file.includes('cluster') ? 'CLUSTER_PORT' : 'PORT';
    // The first port of a cluster is that of its first vault.
    const first = name === 'CLUSTER_PORT' ? port - 1 : port;
    const { code, stdout, stderr } = await runWith({ [name]: String(first) }, file);
    expect([code, stdout, stderr]).toEqual([
      1,
      '',
      `port ${port} of 127.0.0.1 is in use: stop what listens there, or set ${name} to another (0: any free one)\n`,
    ]);
    expect(traces()).toEqual([]);
  },
);

it('npm run cluster names CLUSTER_PORT also if its folder has other ports, and starts nothing', async () => {
  const port = await takePort();
  mkdirSync(join(folder, 'data'), { mode: 0o700 });
  writeFileSync(join(folder, 'data', 'ports.json'), '{"firstPort":3301}');
  const { code, stderr } = await runWith({ CLUSTER_PORT: String(port) }, 'local/bin/cluster.ts');
  expect([code, stderr]).toEqual([
    1,
    expect.stringMatching(`^port ${port} of 127.0.0.1 is in use: .* or set CLUSTER_PORT to`),
  ]);
  expect(existsSync(join(folder, 'data', 'key'))).toBe(false);
});

describe.each(programs)('%s', (file) => {
  it('answers --help with its usage and examples, and does nothing else', async () => {
    const { code, stdout, stderr } = await run(file, '--help');
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^(npm|node) .*\.\n\nUsage:\n {2}.+\n/);
    expect(stdout).toMatch(/\n\nExamples:\n {2}.+\n/);
    expect(traces()).toEqual([]);
  });

  it('refuses an unknown word in one sentence with exit code 2, and does nothing else', async () => {
    const before = takingFiles.includes(file) ? [join(folder, 'file')] : [];
    const { code, stdout, stderr } = await run(file, ...before, 'nonsense');
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(/^[^\n]*nonsense[^\n]*; --help shows how it is used\n$/);
    expect(traces()).toEqual([]);
  });
});
