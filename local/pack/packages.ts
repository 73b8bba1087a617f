/** Builds the packages `dsvault` and `dsvault-client`, and the GitHub Action. */
import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { build, type Metafile } from 'esbuild';
import { buildAction } from '../../action/build.ts';
import { buildInstalled, buildPage, buildProgram } from '../../cli/build.js';
import { manPageOf } from '../../cli/man-page.ts';
import { programFor } from '../../cli/program.ts';
import { root } from '../../host/process/data-folder.ts';
import manifest from '../../package.json' with { type: 'json' };
import { commitOf } from '../../system/commit.ts';
import { failure, usage } from '../../system/failures.ts';

/** The addresses that the packages name as their origin. One that is `undefined` is left out. */
export type Addresses = {
  readonly repository?: string | undefined;
  readonly homepage?: string | undefined;
  readonly bugs?: string | undefined;
};

/**
 * Returns the properties of a package that contain addresses. Throws a user-facing error if a text
 * is not an address.
 */
const namedIn = ({ repository, homepage, bugs }: Addresses) => {
  for (const [option, url] of Object.entries({ repository, homepage, bugs })) {
    if (url === undefined || /^https:\/\/./.test(url)) continue;
    throw usage(`--${option} is an address: https://…`);
  }
  return {
    ...(repository && { repository: { type: 'git', url: `git+${repository}` } }),
    ...(homepage && { homepage }),
    ...(bugs && { bugs: { url: bugs } }),
  };
};

/**
 * Returns the day of the commit, as YYYY-MM-DD, so that two packs of a commit are equal. Without
 * git it is the day of the last release.
 */
const dayOfCommit = (): string => {
  // Only commits of this folder count. It may have been unpacked from an archive inside some other
  // repository, whose commits then do not contain it.
  const { stdout } = spawnSync('git', ['log', '-1', '--format=%cs', '--', '.'], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const [day = '1970-01-01'] =
    /^\d{4}-\d\d-\d\d/.exec(stdout ?? '') ??
    /(?<=^## \S+ - )\d{4}-\d\d-\d\d$/m.exec(readFileSync('CHANGELOG.md', 'utf8')) ??
    [];
  return day;
};

/** The properties of both packages. Neither has dependencies: everything is bundled. */
const shared = {
  version: manifest.version,
  license: manifest.license,
  engines: manifest.engines,
} as const;

/**
 * Fills the folder of the package `dsvault`: builds the command line and the page of its console
 * into it.
 */
const fillDsvault = async (folder: string, addresses: Addresses): Promise<void> => {
  const command = join(folder, 'bin/dsvault.js');
  buildInstalled(command);
  chmodSync(command, 0o755);
  const packed = { commit: commitOf(root), pages: addresses.homepage };
  const parts = [
    buildProgram(join(folder, 'bin/program.js'), packed),
    buildPage(join(folder, 'bin/console')),
  ];
  writeFileSync(join(folder, 'THIRD-PARTY-LICENSES.txt'), licencesOf(parts));
  copyFileSync('cli/npm-page.md', join(folder, 'README.md'));
  const edition = { version: manifest.version, day: dayOfCommit() };
  writeFileSync(join(folder, 'dsvault.1'), manPageOf(await programFor(), edition));
  writeManifest(folder, {
    name: 'dsvault',
    description: 'The command line of the distributed secrets vault.',
    keywords: ['secrets', 'vault', 'dotenv', 'env', 'encryption', 'cli'],
    ...namedIn(addresses),
    type: 'commonjs',
    bin: { dsvault: 'bin/dsvault.js' },
    man: ['./dsvault.1'],
    files: ['bin', 'dsvault.1', 'THIRD-PARTY-LICENSES.txt'],
  });
};

/**
 * Fills the folder of the package `dsvault-client`: builds the client as one module, with a
 * declaration for each of its sources.
 */
const fillClient = async (folder: string, addresses: Addresses): Promise<void> => {
  await build({
    entryPoints: ['client/index.ts'],
    outfile: join(folder, 'index.js'),
    bundle: true,
    platform: 'node',
    target: 'node22.12',
    format: 'esm',
    sourcemap: true,
    logLevel: 'silent',
  });
  const compiler = [
    ...['node_modules/typescript/bin/tsc', '--ignoreConfig', 'client/index.ts'],
    ...['--emitDeclarationOnly', '--declaration', '--outDir', folder],
    ...['--target', 'es2024', '--module', 'nodenext', '--types', 'node'],
    ...['--strict', '--exactOptionalPropertyTypes', '--allowImportingTsExtensions'],
  ];
  execFileSync(process.execPath, compiler, { stdio: 'inherit' });
  copyFileSync('client/README.md', join(folder, 'README.md'));
  writeManifest(folder, {
    name: 'dsvault-client',
    description: 'A client of the distributed secrets vault for Node.',
    keywords: ['secrets', 'vault', 'encryption', 'client'],
    ...namedIn(addresses),
    type: 'module',
    exports: { '.': { types: './index.d.ts', default: './index.js' } },
    types: './index.d.ts',
    sideEffects: false,
    files: ['*.js', '*.js.map', '*.d.ts'],
  });
};

const writeManifest = (folder: string, own: object): void =>
  writeFileSync(
    join(folder, 'package.json'),
    `${JSON.stringify({ ...own, ...shared }, undefined, 2)}\n`,
  );

/**
 * Returns the names, versions and licences of all packages with code in the bundles, as one text.
 */
const licencesOf = (bundles: readonly Metafile[]): string => {
  const inputs = bundles
    .flatMap(({ outputs }) =>
      Object.values(outputs).flatMap((output) => Object.entries(output.inputs)),
    )
    .filter(([, { bytesInOutput }]) => bytesInOutput > 0)
    .map(([file]) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0])
    .filter((folder) => folder !== undefined);
  return [...new Set(inputs)]
    .sort()
    .map(licenceOf)
    .join(`\n${'-'.repeat(80)}\n\n`);
};

/**
 * Returns the name, the version and the licence texts of a package. Throws if it has no licence
 * file, because it must not be redistributed then.
 */
const licenceOf = (folder: string): string => {
  const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const files = readdirSync(folder).filter((file) => /^(licen[cs]e|notice)/i.test(file));
  if (files.length === 0)
    throw failure(`${name} is bundled, and no file in ${folder} is its licence`);
  const texts = files.map((file) => readFileSync(join(folder, file), 'utf8').trim());
  return [`${name} ${version} (${license})`, ...texts, ''].join('\n\n');
};

/** Creates the archive of a package in `into`. `fill` puts its files into an empty folder. */
const pack = async (
  into: string,
  name: string,
  fill: (folder: string, addresses: Addresses) => Promise<void>,
  addresses: Addresses,
): Promise<void> => {
  const folder = join(into, name);
  mkdirSync(folder);
  await fill(folder, addresses);
  copyFileSync('LICENSE', join(folder, 'LICENSE'));
  const words = ['pack', '--silent', '--pack-destination', into, `./${folder}`];
  const { stdout, status, error } = spawnSync('npm', words, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (status !== 0) throw failure(`npm cannot pack ${name} (${error?.message ?? status})`);
  rmSync(folder, { recursive: true });
  process.stdout.write(`${join(into, stdout.trim())}\n`);
};

/**
 * Builds all packages, and empties the folder `into` before. Throws a user-facing error if an
 * address is invalid.
 */
export const packAll = async (addresses: Addresses, into: string): Promise<void> => {
  namedIn(addresses);
  rmSync(into, { recursive: true, force: true });
  mkdirSync(into, { recursive: true });
  await pack(into, 'dsvault', fillDsvault, addresses);
  await pack(into, 'dsvault-client', fillClient, addresses);
  buildAction(join(into, 'action'));
};
