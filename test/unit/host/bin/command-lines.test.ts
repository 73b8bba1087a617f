/**
 * The command lines of all programs. A file of `host/` or `local/` with a top-level `await` is a
 * program, and so is every file that a script of package.json runs. So a new program of these kinds
 * is tested without being added here; the others are listed. One process imports all of them, one
 * after the other.
 */
import { execFileSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { scopes } from '../../../../functions/model/types.ts';
import { openVaultId } from '../../../../host/identity/vault-id.ts';
import { makeMasterKey } from '../../../../host/kms/key-file.ts';
import { lockDataFolder } from '../../../../host/process/data-folder.ts';
import { isFree } from '../../../../host/process/ports.ts';
import { samRecord } from '../../../../host/process/vault-records.ts';
import { freshFolder } from '../../../support/local-process.ts';

const manifest: { readonly scripts: Readonly<Record<string, string>> } = JSON.parse(
  readFileSync('package.json', 'utf8'),
);
const scripted = Object.values(manifest.scripts).flatMap(
  (script) =>
    /^exec (?:sh|node) .*?((?:host|local|test|bench)\/\S+\.ts)$/.exec(script)?.slice(1) ?? [],
);
const awaiting = ['host', 'local']
  .flatMap((tree) =>
    readdirSync(tree, { recursive: true, encoding: 'utf8' }).map((name) => `${tree}/${name}`),
  )
  .filter((file) => file.endsWith('.ts') && /^await /m.test(readFileSync(file, 'utf8')));
const others = [
  ...['test/cluster/chaos/run.ts', 'test/support/images/prepare.ts'],
  ...['local/bin/stack.ts sam', 'local/bin/stack.ts localstack'],
];
const programs = [...new Set([...scripted, ...awaiting, ...others])].sort();

/** Returns the line with the folder of its program in front, for example `host/bin/`. */
const bin = (line: string): string =>
  `${/^(?:cluster|demo|pack|stack)\.ts/.test(line) ? 'local' : 'host'}/bin/${line}`;
/**
 * Wrong arguments for the programs that take arguments. `nonsense` alone would be valid for them,
 * or would be refused for another reason.
 */
const wrongLines: Readonly<Record<string, string>> = {
  [bin('backup.ts')]: 'file nonsense',
  [bin('init.ts')]: 'folder nonsense',
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
  ['key.ts toString', 'the choices are make, status, disable, enable'],
  ['cluster.ts kill', "missing required argument 'node'"],
  ['cluster.ts kill 4', "'4' is not a valid node: the nodes are 1, 2, 3"],
  ['cluster.ts kill 1 2', 'there is no command "kill 1 2"'],
  ['cluster.ts status --renew', "unknown option '--renew'"],
  ['stack.ts', 'say what to run, sam or localstack'],
  ['stack.ts localstack delete everything', 'there is no command "localstack delete everything"'],
  ['inspect.ts --verfy', "unknown option '--verfy' (Did you mean --verify?)"],
  ['token.ts --tenant', "option '--tenant <tenant>' argument missing"],
  ['token.ts --sub x', '--tenant is needed: 1 to 64 letters, digits, _ or -'],
  ['token.ts --tenant a#b', '--tenant is 1 to 64 letters, digits, _ or -'],
  ['token.ts --tenant a', '--sub is needed: 1 to 256 bytes'],
  ['token.ts --tenant a --sub x\u202ey', '--sub is needed: 1 to 256 bytes, without control or'],
  ['token.ts --tenant a --sub x --ttl 25h', '--ttl is a number of s, m or h, such as 90s'],
  [
    'token.ts --tenant a --sub x --scope admin',
    `--scope has an unknown scope: the scopes are ${scopes.join(', ')}`,
  ],
  [
    'token.ts --tenant a --sub x --names a*b',
    '--names takes names, beginnings of names followed by *',
  ],
  ['start.ts --store dynamodb-local', "unknown option '--store'"],
  ['backup.ts file --for docker', '--for is start or cluster'],
  ['inspect.ts --for docker', '--for is start or cluster'],
  ['restore.ts a b', 'a vault is restored from one file'],
  ['restore.ts a --for start', '--for goes with --preview'],
  ['restore.ts a --table T', '--table and --vault go with --redo-destroys'],
  ['restore.ts --redo-destroys', "missing required argument 'files'"],
  ['restore.ts a --redo-destroys --table T', '--table and --vault go together'],
  ['restore.ts a --redo-destroys --table T --table U --vault V', '--table and --vault go together'],
  [
    'restore.ts a --preview --redo-destroys',
    '--preview goes with neither --redo-destroys nor --vault',
  ],
  ['restore.ts a --preview --vault V', '--preview goes with neither --redo-destroys nor --vault'],
  ['restore.ts --preview', '--preview takes one backup, or --table twice'],
  ['restore.ts --preview a b', '--preview takes one backup, or --table twice'],
  ['restore.ts --preview a --table T --table U', '--preview takes one backup, or --table twice'],
  ['restore.ts --preview --table T', '--preview takes one backup, or --table twice'],
  ['restore.ts --preview --table T --table U --table V', '--preview takes one backup, or --table'],
  ['restore.ts --preview a', 'there is no file '],
];

const folder = freshFolder();
const inFolder = (name: string): string => join(folder, name);
const policies: Readonly<Record<string, string>> = {
  'faulty.yaml': 'issuers: []',
  'local.yaml': 'issuers: [{ id: local, localKey: true }]',
};
const isTaken = (name: string): string =>
  `port {port} of 127.0.0.1 is in use: stop what listens there, or set ${name} to another (0: any free one)`;
const noLocalstack = 'no LocalStack runs here: npm run stack -- localstack starts one';
const elsewhere = 'stop it, or set VAULT_DATA_DIR to another folder';

/**
 * Programs that fail before they start anything. `{port}` is a port that is in use, and `{before}`
 * the port before it. The exit code is 78 if starting the program again cannot help, because a
 * setting, a key, a certificate, a policy or the folder is wrong.
 */
const refusals: readonly (readonly [
  title: string,
  line: string,
  env: Readonly<Record<string, string>>,
  sentence: string,
  code: 1 | 78,
])[] = [
  ['a malformed port', 'start.ts', { PORT: '99999' }, 'PORT must be a number from 0 to 65535', 78],
  ['a port that is taken', 'start.ts', { PORT: '{port}' }, isTaken('PORT'), 1],
  [
    'a certificate without its key',
    'start.ts',
    { VAULT_TLS_CERT: '/nowhere' },
    'VAULT_TLS_CERT is set without VAULT_TLS_KEY: set both or neither',
    78,
  ],
  [
    'a node with a certificate that cannot be read',
    'node.ts',
    { VAULT_TLS_CERT: '/nowhere', VAULT_TLS_KEY: '/nowhere', VAULT_CLUSTER_FILE: '/nowhere' },
    'VAULT_TLS_CERT names /nowhere, which cannot be read (ENOENT): name a file that this user can read',
    78,
  ],
  // The first port of a cluster is the port of its first vault, so `{before}` makes the second port
  // clash.
  [
    'a next port that is taken',
    'cluster.ts',
    { CLUSTER_PORT: '{before}' },
    isTaken('CLUSTER_PORT'),
    1,
  ],
  [
    'a port that is taken, in a folder with other ports',
    'cluster.ts',
    { VAULT_DATA_DIR: inFolder('cluster'), CLUSTER_PORT: '{port}' },
    isTaken('CLUSTER_PORT'),
    1,
  ],
  [
    'a faulty policy',
    `policy.ts bundle ${inFolder('faulty.yaml')}`,
    {},
    `${inFolder('faulty.yaml')}: line 1: issuers is empty`,
    78,
  ],
  [
    'the key of this machine in a policy for AWS',
    `policy.ts bundle ${inFolder('local.yaml')}`,
    {},
    `${inFolder('local.yaml')}: line 1: issuers[0].localKey works only for a vault on the machine that has its key`,
    78,
  ],
  ['no LocalStack', 'stack.ts localstack delete', {}, noLocalstack, 1],
  [
    'no LocalStack for a command that is passed on',
    'stack.ts localstack aws s3 --help --new',
    {},
    noLocalstack,
    1,
  ],
  [
    'no Docker',
    'stack.ts sam',
    { PATH: '/nowhere', VAULT_DATA_DIR: inFolder('stack') },
    'no Docker daemon answers (docker version failed: there is no such program): start one',
    1,
  ],
  [
    'another stack with SAM that serves',
    'stack.ts sam',
    { VAULT_DATA_DIR: inFolder('serving') },
    `npm run stack -- sam serves this vault already, on http://127.0.0.1:3000: ${elsewhere}`,
    1,
  ],
  [
    'another stack with SAM that is starting',
    'stack.ts sam',
    { VAULT_DATA_DIR: inFolder('starting') },
    `another vault is using the data folder ${inFolder('starting/stack')}: ${elsewhere}`,
    1,
  ],
  [
    'a damaged key of a vault that has data',
    'start.ts',
    { VAULT_DATA_DIR: inFolder('damaged-key') },
    `${inFolder('damaged-key/kms.json')} is damaged: put back a copy, or move the whole data folder away`,
    78,
  ],
  [
    'a folder that is open to others',
    'start.ts',
    { VAULT_DATA_DIR: inFolder('open') },
    `the data folder ${inFolder('open')} is open to other users (mode 755), and no vault has used it: name one that does not exist yet, or close it with "chmod 700" if it is for the vault alone`,
    78,
  ],
  [
    'a folder from before 2.0.0',
    'start.ts',
    { VAULT_DATA_DIR: inFolder('old') },
    `${inFolder('old')} holds data of release 1.0.0 or older (store.sqlite): make a backup with that release, move store.sqlite* away, keep everything else, and run npm run restore with the backup`,
    78,
  ],
  [
    'a damaged store',
    'start.ts',
    { VAULT_DATA_DIR: inFolder('damaged-store') },
    `the store ${inFolder('damaged-store/vault.sqlite')} is damaged, or is not a database`,
    78,
  ],
  [
    'a folder that another vault uses',
    'start.ts',
    { VAULT_DATA_DIR: inFolder('held') },
    `another vault is using the data folder ${inFolder('held')}: ${elsewhere}`,
    1,
  ],
  [
    'a node without its cluster file',
    'node.ts',
    {
      VAULT_NODE: '1',
      VAULT_CLUSTER_FILE: '/nowhere/cluster.json',
      VAULT_DATA_DIR: inFolder('node'),
    },
    '/nowhere/cluster.json is missing: npm run cluster -- init makes it (docs/deploy/machines.md)',
    78,
  ],
];

type Ending = {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly traces: readonly string[];
};

/**
 * A script that runs all programs in one process. It ends each one by throwing where the program
 * would exit, and writes how each one ended to a file as JSON.
 */
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
  for (const name of Object.keys(process.env)) if (!(name in before)) delete process.env[name];
  Object.assign(process.env, before);
  const traces = paths.filter((path) => existsSync(path));
  for (const path of traces) rmSync(path, { recursive: true });
  endings.push({ code, ...said, traces });
}
writeFileSync(result, JSON.stringify(endings));
process.reallyExit(0);
`;

/**
 * Commands that would change the machine. Each is replaced by a script that only records the call.
 */
const acting = 'apt-get docker docker-compose dockerd etcd go ip java npm pip python3 sam setpriv';

/**
 * Keeps a port in use until this process ends. The port is below those that systems and clusters
 * choose, so a cluster whose first port is the one before it finds only this port in use.
 */
const takePort = async (): Promise<number> => {
  const taken = randomInt(5_000, 9_900);
  const server = createServer().unref();
  const isListening = await new Promise<boolean>((settle) => {
    server.once('error', () => settle(false));
    server.listen(taken, '127.0.0.1', () => settle(true));
  });
  return isListening && (await isFree(taken - 1)) ? taken : await takePort();
};

/** Folders that `npm start` refuses. */
const folders = ['damaged-key', 'open', 'old', 'damaged-store'];

const endings = new Map<string, Ending>();
const endingOf = (line: string): Ending => {
  const ending = endings.get(line);
  if (ending === undefined) throw new Error(`${line} was not run`);
  return ending;
};
let port: number;

beforeAll(async () => {
  for (const name of [
    'bin',
    'cluster',
    'serving/stack',
    'starting/stack',
    'held',
    'node',
    ...folders,
  ]) {
    mkdirSync(inFolder(name), { recursive: true, mode: 0o700 });
  }
  for (const name of acting.split(' ')) {
    const file = inFolder(`bin/${name}`);
    writeFileSync(file, `#!/bin/sh\necho "${name} $*" >> ${inFolder('called')}\nexit 1\n`);
    chmodSync(file, 0o755);
  }
  writeFileSync(inFolder('cluster/ports.json'), '{"firstPort":3301}');
  for (const [name, text] of Object.entries(policies)) writeFileSync(inFolder(name), text);
  samRecord.remember(inFolder('serving/stack'), { url: 'http://127.0.0.1:3000' });
  const starting = lockDataFolder(inFolder('starting/stack'));
  const held = lockDataFolder(inFolder('held'));
  chmodSync(inFolder('open'), 0o755);
  for (const name of ['damaged-key', 'damaged-store']) {
    openVaultId(inFolder(name), {});
    makeMasterKey(inFolder(`${name}/kms.json`));
  }
  writeFileSync(inFolder('damaged-key/vault.sqlite'), '');
  writeFileSync(inFolder('damaged-key/kms.json'), '{');
  writeFileSync(inFolder('old/store.sqlite'), '');
  writeFileSync(inFolder('damaged-store/vault.sqlite'), 'x'.repeat(4_096));
  port = await takePort();
  const withPort = (text: string): string =>
    text.replace('{port}', String(port)).replace('{before}', String(port - 1));
  const lines = [
    ...programs.flatMap((program) => [`${program} --help`, wrongLineOf(program)]),
    ...misuses.map(([line]) => bin(line)),
  ].map((line) => ({ name: line, line, env: {} }));
  const refused = refusals.map(([name, line, env]) => ({
    name,
    line: bin(line),
    env: Object.fromEntries(Object.entries(env).map(([key, text]) => [key, withPort(text)])),
  }));
  const all = [...lines, ...refused];
  const runs = all.map(({ line, env }) => {
    const [file = '', ...words] = line.split(' ');
    return { file: resolve(file), words, env };
  });
  const result = inFolder('result');
  const paths = ['data', 'cluster.json', 'called', 'cluster/key'].map(inFolder);
  const runner = inFolder('run-all.mjs');
  writeFileSync(runner, runAll);
  execFileSync(process.execPath, [runner], {
    input: JSON.stringify({ runs, result, paths }),
    env: {
      PATH: inFolder('bin'),
      HOME: folder,
      TMPDIR: folder,
      VAULT_DATA_DIR: inFolder('data'),
      VAULT_CLUSTER_FILE: inFolder('cluster.json'),
      ...{ PORT: '0', CLUSTER_PORT: '0' },
    },
  });
  starting.release();
  held.release();
  const ended: readonly Ending[] = JSON.parse(readFileSync(result, 'utf8'));
  for (const [index, ending] of ended.entries()) endings.set(all[index]?.name ?? '', ending);
});

it('the list of programs contains at least start.ts, node.ts and bench.ts', () => {
  expect(programs).toEqual(
    expect.arrayContaining(['host/bin/start.ts', 'host/bin/node.ts', 'bench/bench.ts']),
  );
});

describe.each(programs)('the program %s', (program) => {
  it('prints its usage and examples for --help, and does nothing else', () => {
    const { code, stdout, stderr, traces } = endingOf(`${program} --help`);
    expect([code, stderr, traces]).toEqual([0, '', []]);
    expect(stdout).toMatch(/^Usage: (npm|node) [^\n]+\n\n\S.*\n\nOptions:\n {2}/s);
    expect(stdout).toMatch(/\n\nExamples:\n {2}.+\n$/s);
  });

  it('refuses an unknown argument with one sentence and exit code 2, and does nothing else', () => {
    const { code, stdout, stderr, traces } = endingOf(wrongLineOf(program));
    expect([code, stdout, traces]).toEqual([2, '', []]);
    expect(stderr).toMatch(/^[^\n]*nonsense[^\n]*\n$/);
  });
});

it.each(misuses)('the command line "%s" is refused with exit code 2 and "%s"', (line, sentence) => {
  const { code, stdout, stderr, traces } = endingOf(bin(line));
  expect([code, stdout, traces]).toEqual([2, '', []]);
  expect(stderr).toMatch(/^[^\n]+\n$/);
  expect(stderr).toContain(sentence);
});

it.each(refusals)('a program fails with one sentence and starts nothing: %s', (...refusal) => {
  const [title, , , sentence, code] = refusal;
  const stderr = `${sentence.replace('{port}', String(port))}\n`;
  expect(endingOf(title)).toEqual({ code, stdout: '', stderr, traces: [] });
});
