/**
 * The packages that `npm run pack` makes. npm installs them outside the checkout, without a network
 * and for every Node on the PATH, and they are used as their documents say.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import manifest from '../../../package.json' with { type: 'json' };
import { commandsOf, steady } from '../../support/console-blocks.ts';
import { startConsoleProcess } from '../../support/console-process.ts';
import { nodesOnPath, oldNodesOnPath, pretendToBe } from '../../support/each-node.ts';
import { headCommit } from '../../support/head.ts';
import { freshFolder } from '../../support/local-process.ts';
import { useVault } from '../../support/running-vault.ts';

const vault = useVault();

const packageFile = (name: string): string =>
  resolve(`.local/packages/${name}-${manifest.version}.tgz`);

/** Runs a script in bash, and returns its stdout and stderr together. */
const inBash = (script: string, cwd: string, env: NodeJS.ProcessEnv): string =>
  spawnSync('bash', ['-c', `{ ${script}\n} 2>&1`], { cwd, env, encoding: 'utf8' }).stdout;

/** The environment of a user with an empty home, an offline npm, and the Node of this folder. */
const userWith = (node: string) => {
  const HOME = freshFolder();
  const prefix = join(HOME, 'npm');
  // The folder of the wanted Node comes first, because the other folders may contain a Node as
  // well.
  const PATH = [node, join(prefix, 'bin'), '/usr/local/bin', '/usr/bin', '/bin'].join(':');
  const settings = { npm_config_offline: 'true', npm_config_update_notifier: 'false' };
  return { HOME, PATH, npm_config_prefix: prefix, ...settings };
};

const nodes = nodesOnPath();

const addresses = {
  repository: 'https://git.example.com/acme/vault.git',
  homepage: 'https://vault.example.com/pages',
  bugs: 'https://git.example.com/acme/vault/issues',
};
const given = Object.entries(addresses).map(([name, url]) => `--${name}=${url}`);

/** The hash of each packed file. */
const hashes = () =>
  readdirSync('.local/packages', { recursive: true, encoding: 'utf8', withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => {
      const bytes = readFileSync(join(parentPath, name));
      return `${name} ${createHash('sha256').update(bytes).digest('hex')}`;
    })
    .sort();

let packed: string;
let first: string[];
beforeAll(() => {
  // The first pack runs with a clock that is wrong by years.
  const clock =
    'globalThis.Date = class extends Date { constructor(...given) { super(...(given.length > 0 ? given : [0])); } }';
  const program = ['--import', `data:text/javascript,${clock}`, 'host/bin/launch.js'];
  spawnSync(process.execPath, [...program, 'local/bin/pack.ts', ...given], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  first = hashes();
  packed = spawnSync('npm', ['run', '-s', 'pack', '--', ...given], { encoding: 'utf8' }).stdout;
});

describe('the package dsvault', () => {
  it.each(nodes)('installs and works as README.md says, with Node %s', (_, node) => {
    const user = userWith(node);
    const env = {
      ...user,
      CHECKOUT: process.cwd(),
      PACKED: packed,
      TOKEN: vault.token({ tenant: user.HOME.replaceAll(/\W/g, ''), sub: 'you' }),
      DSVAULT_ADDR: vault.baseUrl(),
    };
    // Packing again for each Node would take too long, so `npm run pack` only prints what it
    // printed before. All other commands run the real npm.
    const npm = `
      npm() {
        case "$*" in
          *pack) printf %s "$PACKED" ;;
          *token*) printf %s "$TOKEN" ;;
          *) (cd "$CHECKOUT" && command npm "$@") ;;
        esac
      }`;
    const commands = commandsOf('README.md');
    expect(commands.length).toBeGreaterThanOrEqual(5);
    for (const { command, printed } of commands) {
      const shown = inBash(`${npm}\n${command}`, user.HOME, env);
      expect([command, steady(shown)]).toEqual([command, steady(printed)]);
    }
    expect(inBash('command -v dsvault', user.HOME, env)).toBe(
      `${user.npm_config_prefix}/bin/dsvault\n`,
    );

    // The file asks Node to load a script. Without the `--` in the first line of the `dsvault`
    // program, Node itself would read `--env-file` and load that script.
    const script = join(user.HOME, 'mark.cjs');
    writeFileSync(script, `require('node:fs').writeFileSync('obeyed', '');`);
    writeFileSync(join(user.HOME, 'raw.env'), `NODE_OPTIONS=--require=${script}\n`);
    expect(inBash('dsvault run --env-file raw.env --pristine -- /bin/true', user.HOME, env)).toBe(
      '',
    );
    expect(existsSync(join(user.HOME, 'obeyed'))).toBe(false);
  });

  it('says which Node to install when its Node is too old', () => {
    const [, node = ''] = nodes[0] ?? [];
    const user = userWith(node);
    inBash(`npm i -gs ${packageFile('dsvault')}`, user.HOME, user);
    const oldest = manifest.engines.node.replace('>=', '');
    const runs = [
      ...['20.20.2', '22.11.0'].map((version) => [version, pretendToBe(version)] as const),
      ...oldNodesOnPath().map(
        ([version, folder]) => [version.slice(1), { PATH: `${folder}:${user.PATH}` }] as const,
      ),
    ];
    for (const [version, more] of runs) {
      const told = inBash('dsvault version; dsvault run true; echo $?', user.HOME, {
        ...user,
        ...more,
      });
      const sentence =
        `dsvault: this needs Node ${oldest} or later, and Node ${version} runs it: ` +
        `install Node ${oldest} or later\n`;
      expect(told).toBe(`${sentence}${sentence}125\n`);
    }
  });

  it('serves its console, names its commit and what it bundles, has a man page, and uses the programs of a named checkout', async () => {
    const [, node = ''] = nodes[0] ?? [];
    const user = { ...userWith(node), VAULT_DATA_DIR: vault.dataDir };
    inBash(`npm i -gs ${packageFile('dsvault')}`, user.HOME, user);
    for (const words of ['login --local', 'log refusals']) {
      const told = inBash(`dsvault ${words}`, user.HOME, user);
      expect([words, told]).toEqual([words, expect.stringContaining('folder in DSVAULT_CHECKOUT')]);
    }
    const named = { ...user, DSVAULT_CHECKOUT: process.cwd() };
    expect(inBash('dsvault login --local', user.HOME, named)).toMatch(
      /profile default for \S+ is saved/,
    );

    expect(JSON.parse(inBash('dsvault version --json', user.HOME, user))).toMatchObject({
      version: manifest.version,
      commit: headCommit(),
    });

    const program = join(user.npm_config_prefix, 'bin/dsvault');
    const served = await startConsoleProcess(vault, { program });
    const page = await fetch(served.url);
    expect([page.status, await page.text()]).toEqual([200, expect.stringContaining('/app.js')]);
    await served.end();

    expect(inBash('dsvault --help', user.HOME, user)).toContain(`\nPages: ${addresses.homepage};`);
    expect(readdirSync(join(user.HOME, '.cache/dsvault/code'))).toHaveLength(1);
    const manPage = join(user.npm_config_prefix, 'share/man/man1/dsvault.1');
    expect(readFileSync(manPage, 'utf8')).toContain(`"dsvault ${manifest.version}"\n.SH NAME\n`);
    const folder = join(user.npm_config_prefix, 'lib/node_modules/dsvault');
    const licences = readFileSync(join(folder, 'THIRD-PARTY-LICENSES.txt'), 'utf8');
    for (const name of ['commander', 'preact']) {
      expect(licences).toMatch(new RegExp(`^${name} [\\d.]+ \\(MIT\\)\\n\\n.*Permission`, 'ms'));
    }
  });
});

describe('the package dsvault-client', () => {
  it('runs the program of its README, type-checked, with every Node', async () => {
    const [, node = ''] = nodes[0] ?? [];
    const user = userWith(node);
    const [, example = ''] =
      /^```ts\n(.*?)^```$/ms.exec(readFileSync('client/README.md', 'utf8')) ?? [];
    const program = example.replace('http://127.0.0.1:3000', vault.baseUrl());
    writeFileSync(join(user.HOME, 'package.json'), '{ "type": "module" }');
    writeFileSync(join(user.HOME, 'main.ts'), program);
    const compiler = [
      ...[resolve('node_modules/.bin/tsc'), '--ignoreConfig', 'main.ts', '--strict'],
      ...['--target', 'es2024', '--module', 'nodenext'],
      ...['--types', 'node', '--typeRoots', resolve('node_modules/@types')],
    ];
    const prepared = `npm i -s ${packageFile('dsvault-client')} && ${compiler.join(' ')}`;
    expect(inBash(prepared, user.HOME, user)).toBe('');
    for (const [version, folder] of nodes) {
      const tenant = `client-${version.replaceAll(/\W/g, '')}`;
      const env = { ...user, DSVAULT_TOKEN: vault.token({ tenant, sub: 'you' }) };
      const ran = inBash(`${join(folder, 'node')} main.js`, user.HOME, env);
      expect(ran).toBe('2 stored you\n1 stored you\n');
    }
  });
});

describe('both packages', () => {
  it('have the same bytes each time a commit is packed, and so has the action', () => {
    expect(first.map((line) => line.replace(/ .*/, ''))).toEqual([
      ...['LICENSE', 'action.yml'],
      ...['dsvault', 'dsvault-client'].map((name) => `${name}-${manifest.version}.tgz`).sort(),
      'index.mjs',
    ]);
    expect(hashes()).toEqual(first);
  });

  it('say where sources and pages are, and where to report problems, if npm run pack knows the addresses', () => {
    for (const name of ['dsvault', 'dsvault-client']) {
      const words = ['-xzOf', packageFile(name), 'package/package.json'];
      expect(JSON.parse(spawnSync('tar', words, { encoding: 'utf8' }).stdout)).toMatchObject({
        keywords: expect.arrayContaining(['secrets', 'vault']),
        repository: { type: 'git', url: `git+${addresses.repository}` },
        homepage: addresses.homepage,
        bugs: { url: addresses.bugs },
      });
    }
  });

  it('satisfy publint and arethetypeswrong', () => {
    const files = ['dsvault', 'dsvault-client'].map(packageFile);
    const ran = spawnSync(process.execPath, ['test/support/package-problems.ts', ...files], {
      encoding: 'utf8',
    });
    expect([ran.status, ran.stdout, ran.stderr]).toEqual([0, '', '']);
  });
});

describe('the folder of the GitHub Action', () => {
  it('contains what the tag of a release contains', () => {
    const files = readdirSync('.local/packages/action').sort();
    expect(files).toEqual(['LICENSE', 'action.yml', 'index.mjs']);
  });
});
