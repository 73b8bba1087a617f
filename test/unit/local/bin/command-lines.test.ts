/**
 * The command lines of all programs. A file of `local/` with a top-level `await` is a program, and so is a file that a
 * script of package.json runs, so no new program is left out. One process imports them all, one after the other.
 */
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { scopes } from '../../../../functions/model/types.ts';
import { freshFolder } from '../../../support/local-process.ts';

const manifest: { readonly scripts: Readonly<Record<string, string>> } = JSON.parse(
  readFileSync('package.json', 'utf8'),
);
const scripted = Object.values(manifest.scripts).flatMap(
  (script) => /^exec node .*?((?:local|test|bench)\/\S+\.ts)$/.exec(script)?.slice(1) ?? [],
);
const awaiting = readdirSync('local', { recursive: true, encoding: 'utf8' })
  .map((name) => `local/${name}`)
  .filter((file) => file.endsWith('.ts') && /^await /m.test(readFileSync(file, 'utf8')));
const others = [
  ...['test/cluster/chaos/run.ts', 'test/support/images/prepare.ts'],
  ...['local/bin/stack.ts sam', 'local/bin/stack.ts localstack', 'local/bin/cluster.ts init'],
];
const programs = [...new Set([...scripted, ...awaiting, ...others])].sort();

const bin = (line: string): string => `local/bin/${line}`;
/** These take a word, so another one is wrong. */
const wrongLines: Readonly<Record<string, string>> = {
  [bin('backup.ts')]: 'file nonsense',
  [bin('cluster.ts init')]: 'folder nonsense',
  [bin('policy.ts')]: 'nonsense file',
  [bin('restore.ts')]: '--nonsense',
};
const wrongLineOf = (program: string): string => `${program} ${wrongLines[program] ?? 'nonsense'}`;

const misuses: readonly (readonly [line: string, sentence: string])[] = [
  ['backup.ts', "missing required argument 'file'"],
  ['restore.ts', "missing required argument 'files'"],
  ['policy.ts', "missing required argument 'action'"],
  ['policy.ts bundle', "missing required argument 'file'"],
  ['key.ts', "missing required argument 'action'"],
  ['key.ts toString', 'Allowed choices are status, disable, enable'],
  ['cluster.ts kill', "missing required argument 'node'"],
  ['cluster.ts kill 4', "value '4' is invalid for argument 'node'. The nodes are 1, 2, 3"],
  ['cluster.ts kill 1 2', 'it does not know "kill 1 2"'],
  ['cluster.ts status --renew', "unknown option '--renew'"],
  ['stack.ts localstack delete everything', 'it does not know "localstack delete everything"'],
  ['inspect.ts --verfy', "unknown option '--verfy' (Did you mean --verify?)"],
  ['token.ts --tenant', "option '--tenant <tenant>' argument missing"],
  ['token.ts --sub x', '--tenant is needed: 1 to 64 letters, digits, _ or -'],
  ['token.ts --tenant a#b', '--tenant is 1 to 64 letters, digits, _ or -'],
  ['token.ts --tenant a', '--sub is needed: 1 to 256 bytes'],
  ['token.ts --tenant a --sub x\u202ey', '--sub is needed: 1 to 256 bytes without control and'],
  ['token.ts --tenant a --sub x --ttl 25h', '--ttl is a number of s, m or h, such as 90s'],
  ['token.ts --tenant a --sub x --scope admin', `--scope knows ${scopes.join(', ')}`],
  ['token.ts --tenant a --sub x --names a*b', '--names takes names, beginnings of names with *'],
  ['start.ts --store postgres', 'Allowed choices are dynoxide, dynamodb-local'],
  ['backup.ts file --for docker', '--for is start or cluster'],
  ['inspect.ts --for docker', '--for is start or cluster'],
  ['restore.ts a b', 'a vault is restored from one file'],
];

type Ending = {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly traces: readonly string[];
};

/** Ends each program by an error in place of the process's exit, and prints the endings as JSON. */
const runAll = `
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
const { runs, result, paths } = JSON.parse(readFileSync(0, 'utf8'));
for (const emitter of [process, process.stdout, process.stderr]) emitter.setMaxListeners(0);
process.exit = (code) => { throw { code }; };
const endings = [];
for (const [index, { file, words, env }] of runs.entries()) {
  const said = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr']) {
    process[stream].write = (chunk, done) => { said[stream] += chunk; done?.(); return true; };
  }
  process.exitCode = undefined;
  process.argv = [process.execPath, file, ...words];
  const before = { ...process.env };
  Object.assign(process.env, env);
  const { code } = await import(pathToFileURL(file) + '?' + index).catch((error) => error);
  Object.assign(process.env, before);
  const traces = paths.filter((path) => existsSync(path));
  for (const path of traces) rmSync(path, { recursive: true });
  endings.push({ code, ...said, traces });
}
writeFileSync(result, JSON.stringify(endings));
process.reallyExit(0);
`;

/** Programs that would change the machine. Each is replaced by one that only records its call. */
const acting = 'apt-get docker docker-compose dockerd etcd go ip java npm pip python3 sam setpriv';

/** A port that is in use until this process ends. */
const takePort = async (): Promise<number> => {
  const server = createServer().unref();
  await new Promise<void>((settle) => server.listen(0, '127.0.0.1', settle));
  return (server.address() as AddressInfo).port;
};

const folder = freshFolder();
const endings = new Map<string, Ending>();
const endingOf = (line: string): Ending => {
  const ending = endings.get(line);
  if (ending === undefined) throw new Error(`${line} was not run`);
  return ending;
};
let port: number;

beforeAll(async () => {
  for (const name of ['bin', 'cluster']) mkdirSync(join(folder, name), { mode: 0o700 });
  const called = join(folder, 'called');
  for (const name of acting.split(' ')) {
    const file = join(folder, 'bin', name);
    writeFileSync(file, `#!/bin/sh\necho "${name} $*" >> ${called}\nexit 1\n`);
    chmodSync(file, 0o755);
  }
  writeFileSync(join(folder, 'cluster', 'ports.json'), '{"firstPort":3301}');
  port = await takePort();
  const lines = [
    ...programs.flatMap((program) => [`${program} --help`, wrongLineOf(program)]),
    ...misuses.map(([line]) => bin(line)),
    ...[bin('stack.ts localstack aws s3 --help --nonsense'), bin('start.ts'), bin('cluster.ts')],
  ];
  const settings: Readonly<Record<string, NodeJS.ProcessEnv>> = {
    [bin('start.ts')]: { PORT: String(port) },
    // The first port of a cluster is that of its first vault.
    [bin('cluster.ts')]: { CLUSTER_PORT: String(port - 1) },
  };
  const runs = lines.map((line) => {
    const [file = '', ...words] = line.split(' ');
    return { file: resolve(file), words, env: settings[line] ?? {} };
  });
  const again = { VAULT_DATA_DIR: join(folder, 'cluster'), CLUSTER_PORT: String(port) };
  runs.push(
    { file: resolve(bin('start.ts')), words: [], env: { PORT: '99999' } },
    { file: resolve(bin('cluster.ts')), words: [], env: again },
  );
  const result = join(folder, 'result');
  const paths = ['data', 'cluster.json', 'called', 'cluster/key'].map((name) => join(folder, name));
  const runner = join(folder, 'run-all.mjs');
  writeFileSync(runner, runAll);
  execFileSync(process.execPath, [runner], {
    input: JSON.stringify({ runs, result, paths }),
    env: {
      PATH: join(folder, 'bin'),
      HOME: folder,
      TMPDIR: folder,
      VAULT_DATA_DIR: join(folder, 'data'),
      VAULT_CLUSTER_FILE: join(folder, 'cluster.json'),
      ...{ PORT: '0', CLUSTER_PORT: '0' },
    },
  });
  const ended: readonly Ending[] = JSON.parse(readFileSync(result, 'utf8'));
  const names = [...lines, 'no port', 'again'];
  for (const [index, ending] of ended.entries()) endings.set(names[index] ?? '', ending);
});

it('this table finds the programs of package.json and those of local/ by itself', () => {
  expect(programs).toEqual(
    expect.arrayContaining(['local/bin/start.ts', 'local/bin/node.ts', 'bench/bench.ts']),
  );
});

describe.each(programs)('%s', (program) => {
  it('answers --help with its usage and examples, and does nothing else', () => {
    const { code, stdout, stderr, traces } = endingOf(`${program} --help`);
    expect([code, stderr, traces]).toEqual([0, '', []]);
    expect(stdout).toMatch(/^Usage: (npm|node) [^\n]+\n\n\S.*\n\nOptions:\n {2}/s);
    if (!program.endsWith('init')) expect(stdout).toMatch(/\n\nExamples:\n {2}.+\n$/s);
  });

  it('refuses an unknown word in one sentence with exit code 2, and does nothing else', () => {
    const { code, stdout, stderr, traces } = endingOf(wrongLineOf(program));
    expect([code, stdout, traces]).toEqual([2, '', []]);
    expect(stderr).toMatch(/^[^\n]*nonsense[^\n]*\n$/);
  });
});

it.each(misuses)('%s is refused with exit code 2 and "%s"', (line, sentence) => {
  const { code, stdout, stderr, traces } = endingOf(bin(line));
  expect([code, stdout, traces]).toEqual([2, '', []]);
  expect(stderr).toMatch(/^[^\n]+\n$/);
  expect(stderr).toContain(sentence);
});

it('npm run stack -- localstack aws passes all words on', () => {
  const { code, stderr } = endingOf(bin('stack.ts localstack aws s3 --help --nonsense'));
  expect([code, stderr]).toEqual([
    1,
    'no LocalStack runs here: npm run stack -- localstack starts one\n',
  ]);
});

it('npm start refuses a port that is none', () => {
  const stderr = 'PORT must be a number from 0 to 65535\n';
  expect(endingOf('no port')).toEqual({ code: 1, stdout: '', stderr, traces: [] });
});

describe('a port that is taken', () => {
  it.each([
    ['start.ts', 'PORT'],
    ['cluster.ts', 'CLUSTER_PORT'],
  ])('ends %s with a sentence that names %s, and leaves no folder', (file, name) => {
    expect(endingOf(bin(file))).toEqual({
      ...{ code: 1, stdout: '', traces: [] },
      stderr: `port ${port} of 127.0.0.1 is in use: stop what listens there, or set ${name} to another (0: any free one)\n`,
    });
  });

  it('ends npm run cluster also if its folder has other ports, and starts nothing', () => {
    const { code, stderr, traces } = endingOf('again');
    expect([code, traces]).toEqual([1, []]);
    expect(stderr).toMatch(
      new RegExp(`^port ${port} of 127.0.0.1 is in use: .* or set CLUSTER_PORT to`),
    );
  });
});
