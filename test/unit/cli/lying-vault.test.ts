/**
 * Runs every command at a terminal, against a vault whose replies contain terminal escape
 * sequences.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CommandUnknownOpts } from '@commander-js/extra-typings';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { reportFailure } from '../../../cli/output/print-failure.ts';
import { programFor } from '../../../cli/program.ts';
import { freshFolder } from '../../support/local-process.ts';
import { commands, type Lies, lie, startLyingVault } from '../../support/lying-vault.ts';
import type { Node } from '../../support/openapi.ts';

const folder = freshFolder();
const file = (name: string, content: string): string => {
  writeFileSync(join(folder, name), content);
  return join(folder, name);
};
const env = file('a.env', 'A="secret(N)"\n');
const pins = file('a.lock', 'A="secret(N@1)"\nB="secret(N)"\n');
const enc = file('enc.env', 'A="enc(N)"\nN=v\n');
const plain = file('plain.env', `A='${commands.replace('\r', '')}'\n`);
const value = file('value', 'v');
const token = [{ alg: 'none' }, { exp: 9_999_999_999 }, {}]
  .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
  .join('.');
const policy = file(
  'access.yaml',
  `issuers:
  - id: ci
    issuer: https://i.test
    audiences: [vault]
    discovery: true
    algorithms: [RS256]
    rules: [{ match: { sub: a }, tenant: t, subject: s, scopes: [secrets:read], names: ["*"] }]
`,
);
const claims = file('claims', JSON.stringify({ iss: 'https://i.test', aud: 'vault', sub: lie }));
const logLine = {
  ...{ message: 'request', timestamp: '2026-11-28T00:00:00.000Z', requestId: `12345678${lie}` },
  ...{ operation: lie, issuer: lie, tenant: lie, subject: lie, secret: 'N', outcome: 'refused' },
  ...{ code: lie, read: ['N@1'], wrote: [], cause: lie, fault: lie },
};
const log = file('log', JSON.stringify(logLine));
const contradiction = [3, 2].map((version, index) => ({
  ...logLine,
  ...{ timestamp: `2026-11-28T00:00:0${index}.000Z`, requestId: `${index}${lie}` },
  ...{ ms: 1, outcome: 'ok', pinned: [] },
  read: [`N@${version}`],
}));
const contradictoryLog = file(
  'log-of-two',
  contradiction.map((line) => JSON.stringify(line)).join('\n'),
);
const logOfReader = file('log-of-reader', JSON.stringify({ ...logLine, outcome: 'ok' }));

const at = (day: number): string => `2026-11-${day}T00:00:00.000Z`;
/**
 * Returns a reply that lists these versions of a secret, newest first. Everything in them that is
 * not given here is a lie.
 */
const versions =
  (...given: readonly Node[]): Lies['reply'] =>
  (operation, lies) => {
    const entries = lies['versions'] as readonly Node[] | undefined;
    if (operation !== 'list-versions' || entries === undefined) return lies;
    const like = (one: Node) => entries.find(({ state }) => state === one['state']) ?? entries[0];
    return { ...lies, versions: given.map((one) => ({ ...like(one), ...one })) };
  };
const stored = (version: number, more: Node = {}): Node => ({ state: 'stored', version, ...more });

/** Returns a list of names whose entries have a version and an anchor that the vault can have. */
const anchored = (_: string, lies: Node): Node => {
  const secrets = lies['secrets'] as readonly Node[] | undefined;
  return secrets === undefined
    ? lies
    : { ...lies, secrets: secrets.map((one) => ({ ...one, version: 1, anchor: 'k3f9qzTb' })) };
};
const witness = {
  ...{ tenant: 't', names: ['*'], time: at(20) },
  secrets: [{ name: 'N', state: 'stored', version: 1, anchor: 'k3f9qzTb' }],
};

/** A shell command that exits with 0 the first time, with 1 the second time, and so on in turn. */
const goodThenBad = `rmdir ${folder}/turn 2> /dev/null && exit 1; mkdir ${folder}/turn`;

type Row = {
  readonly args: readonly string[];
  readonly reply?: Lies['reply'];
  /** The command shows nothing of the vault's reply, except with --json. */
  readonly silent?: true;
  /** The command sends no request to a vault. */
  readonly offline?: true;
};

/** At least one row for each command, and more for options that show something else. */
const rows: Readonly<Record<string, Row>> = {
  create: { args: ['N', '--value-file', value] },
  'create --generate': { args: ['N', '--generate', '8', '--show-value'] },
  update: { args: ['N', '--value-file', value] },
  'update --skip-unchanged': {
    args: ['N', '--value-file', value, '--skip-unchanged'],
    reply: (_, lies) => ({ ...lies, value: 'v' }),
    silent: true,
  },
  get: { args: ['N'] },
  history: { args: ['N'] },
  'history --show-values': { args: ['N', '--show-values'] },
  list: { args: [] },
  'list --long': { args: ['--long'] },
  diff: { args: ['N', 'N'], silent: true },
  'diff --show-values': {
    args: ['N@1', 'N', '--show-values'],
    reply: (_, lies, count) => ({ ...lies, value: `${lies['value']}${count}` }),
  },
  copy: { args: ['M@1', 'N'] },
  rollback: { args: ['N', '--to', '1'] },
  delete: { args: ['N'] },
  restore: { args: ['N'], reply: versions({ state: 'deleted', version: 2 }, stored(1)) },
  destroy: { args: ['N@1', '--yes'] },
  'destroy --all': {
    args: ['N', '--all', '--yes'],
    reply: versions(stored(2), stored(1)),
    silent: true,
  },
  'env encrypt': { args: [enc] },
  'env expand': { args: [env] },
  'env expand --pin': { args: [env, '--pin'] },
  'env submit': { args: [enc] },
  'env adopt': { args: [file('adopt.env', 'K=v\n'), '--keys', 'K', '--dry-run'], silent: true },
  'env lint': { args: [env], offline: true, silent: true },
  'env verify': { args: [env], offline: true, silent: true },
  run: { args: ['-f', env, '--redact', '--', 'true'], silent: true },
  bisect: {
    args: ['-f', env, '--good', at(20), '--', 'sh', '-c', goodThenBad],
    reply: versions(stored(2, { validFrom: at(22) }), stored(1, { validFrom: at(10) })),
  },
  lock: { args: [env], reply: versions(stored(1)), silent: true },
  'lock --anchors': {
    args: [env, '--anchors'],
    reply: versions(stored(1, { anchor: 'k3f9qzTb' })),
    silent: true,
  },
  outdated: { args: [pins], reply: versions(stored(2), stored(1)) },
  bump: { args: ['--all', '-f', pins, '--dry-run'], reply: versions(stored(2), stored(1)) },
  import: { args: [plain, '--dry-run'] },
  'import --update': { args: [plain, '--update', '--dry-run'] },
  export: { args: ['N'] },
  'export of all': { args: [] },
  scan: { args: [file('scanned', lie)], reply: versions(stored(1, { value: lie })) },
  console: { args: ['--no-open'], silent: true },
  'policy check': { args: [policy], offline: true, silent: true },
  'policy test': { args: [policy, '--token-file', claims], offline: true },
  status: { args: [] },
  doctor: { args: [], silent: true },
  witness: { args: [], reply: anchored },
  'witness --check': {
    args: ['--check', file('a.json', JSON.stringify(witness))],
    reply: (operation, lies, count) =>
      operation === 'whoami'
        ? { ...lies, tenant: 't', names: ['*'] }
        : (versions(stored(2), stored(1, { anchor: 'k3f9qzTb' }))?.(
            operation,
            anchored(operation, lies),
            count,
          ) ?? lies),
    silent: true,
  },
  whoami: { args: [] },
  explain: { args: ['N'] },
  'log reads': { args: ['N', '--file', log], offline: true },
  'log holders': { args: ['N', '--file', logOfReader], offline: true },
  'log seen': { args: [lie, '--file', logOfReader], offline: true },
  'log check': { args: ['--file', contradictoryLog], offline: true },
  'log who': { args: [lie, '--file', log], offline: true },
  'log story': { args: ['12345678', '--file', log], offline: true },
  'log refusals': { args: ['--file', log], offline: true },
  login: { args: ['--token-command', `echo ${token}`, '--profile', 'p'], silent: true },
  completion: { args: ['bash'], offline: true, silent: true },
  version: { args: [], offline: true, silent: true },
};

const leavesOf = (command: CommandUnknownOpts, path = ''): string[] =>
  command.commands.length === 0
    ? [path]
    : command.commands.flatMap((below) => leavesOf(below, `${path} ${below.name()}`.trim()));
let leaves: string[];
const leafOf = (row: string): string =>
  leaves.find((leaf) => `${row} `.startsWith(`${leaf} `)) ?? '';

let vault: Awaited<ReturnType<typeof startLyingVault>>;
const before = { ...process.env };
beforeAll(async () => {
  vault = await startLyingVault();
  leaves = leavesOf(await programFor());
  const home = join(folder, 'home');
  mkdirSync(home);
  Object.assign(process.env, {
    ...{ DSVAULT_ADDR: vault.url, DSVAULT_TOKEN: token, DSVAULT_RETRIES: '0' },
    // Otherwise dsvault itself would write escape sequences, for emphasis and for the line that
    // says what it waits for.
    ...{ NO_COLOR: '1', TERM: 'dumb', XDG_CONFIG_HOME: home, XDG_CACHE_HOME: home },
  });
});
afterAll(() => {
  vault.close();
  for (const name of Object.keys(process.env)) delete process.env[name];
  Object.assign(process.env, before);
});

const seenFrom = async (words: readonly string[]): Promise<string> => {
  const seen: string[] = [];
  const { argv, exitCode } = process;
  const streams = [process.stdout, process.stderr].map((stream) => {
    const { isTTY } = stream;
    const write = jest
      .spyOn(stream, 'write')
      .mockImplementation((...[data, ...rest]: unknown[]) => {
        seen.push(Buffer.from(data as string).toString());
        for (const done of rest) if (typeof done === 'function') done();
        return true;
      });
    Object.assign(stream, { isTTY: true });
    return () => {
      write.mockRestore();
      Object.assign(stream, { isTTY });
    };
  });
  process.argv = ['node', 'dsvault', ...words];
  try {
    await (await programFor(words[0])).parseAsync([...words], { from: 'user' });
  } catch (error) {
    reportFailure(error);
  } finally {
    for (const restore of streams) restore();
    process.argv = argv;
    process.exitCode = exitCode;
  }
  return seen.join('');
};

const commanding = /[^\P{Cc}\n\t]|[\p{Cf}\p{Zl}\p{Zp}]/u;
const escaped = ['\\u{1b}', '\\u001b', Buffer.from(commands).toString('base64')];
const faultsOf = (seen: string): string[] => [
  ...(commanding.test(seen) ? [`commands the terminal: ${JSON.stringify(seen)}`] : []),
  ...(/^FORGED/m.test(seen) ? [`forges a line: ${seen}`] : []),
];
const isShown = (seen: string): boolean => escaped.some((one) => seen.includes(one));

describe('a vault that sends text in place of version numbers', () => {
  it.each([
    ['lock', [env, '--out', join(folder, 'locked')]],
    ['bump', ['--all', '-f', file('b.lock', 'A="secret(N@1)"\n')]],
  ])('cannot put a line into a file through dsvault %s', async (command, args) => {
    vault.tell({ reply: versions({ state: 'stored', version: '2)"\nLD_PRELOAD="x' }) });
    const seen = await seenFrom([command, ...args]);
    expect(seen).toMatch(/^dsvault: the vault answered with a version that is not a number/);
    expect(existsSync(join(folder, 'locked'))).toBe(false);
    expect(readFileSync(join(folder, 'b.lock'), 'utf8')).toBe('A="secret(N@1)"\n');
  });
});

describe('a vault that sends other text in place of anchors, or no anchors', () => {
  it.each(['k3f9qz"\nLD_PRELOAD="x', 'k3f9q)"\n', '', null])(
    'cannot put a line into a file through dsvault lock --anchors: %j',
    async (anchor) => {
      vault.tell({ reply: versions(stored(1, { anchor })) });
      const out = join(folder, 'anchored');
      const seen = await seenFrom(['lock', env, '--anchors', '--out', out]);
      expect(seen).toMatch(/^dsvault: the vault shows no anchors: releases before 2\.0\.0 do not/);
      expect(existsSync(out)).toBe(false);
    },
  );
});

describe('a vault that sends terminal escape sequences', () => {
  it('is tested with every command', () => {
    expect(new Set(Object.keys(rows).map(leafOf))).toEqual(new Set(leaves));
  });

  it.each(Object.keys(rows))('cannot control the terminal through dsvault %s', async (name) => {
    const { args, reply, silent, offline } = rows[name] ?? { args: [] };
    const leaf = leafOf(name).split(' ');
    const flags = offline ? [] : ['--verbose'];
    const seenAfter = async (lies: Lies, ...more: string[]) => {
      vault.tell(lies);
      const seen = await seenFrom([...leaf, ...more, ...flags, ...args]);
      return {
        faults: faultsOf(seen),
        isShown: isShown(seen.replaceAll(/^dsvault: \d+, request.*/gm, '')),
      };
    };
    expect(await seenAfter({ reply })).toEqual({ faults: [], isShown: !silent });
    for (const json of [[], ['--json']]) {
      for (const also of [undefined, 'words', 'everything'] as const) {
        expect(await seenAfter({ ...(also && { also }), reply }, ...json)).toMatchObject({
          faults: [],
        });
      }
      if (offline) continue;
      for (const problem of [lie, 'not_found', 'secret_exists', 'invalid_env']) {
        expect(await seenAfter({ problem }, ...json)).toMatchObject({ faults: [] });
      }
    }
  });
});
