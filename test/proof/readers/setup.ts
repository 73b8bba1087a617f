/**
 * Before the suites of this folder, builds the readers that are neither Node nor shells. They are
 * kept in `.local/readers` and built again when their sources change. This needs dash, zsh, go,
 * python3, ruby and php, and the first time also the Go module proxy, the Python package index and
 * Debian's packages.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { installOnce } from '../../../local/containers/install-once.ts';
import { findProgram } from '../../../system/programs.ts';
import { type Shell, shellsHere } from '../../support/shells.ts';
import { debianReaders, goReader, pythonReader } from './programs.ts';

const here = join(process.cwd(), 'test/proof/readers');

export default async (): Promise<void> => {
  requireShell('dash');
  requireShell('zsh');
  await build({
    folder: dirname(goReader),
    sources: ['go/go.mod', 'go/go.sum', 'go/main.go'],
    needs:
      'npm run test:proof -- readers needs go (1.25 or later) on the path, to build the readers of docker',
    steps: [['go', ['build', '-o', goReader, '.'], 'go']],
  });
  requireProgram('ruby', 'ruby');
  requireProgram('php', 'php-cli php-mbstring');
  await build({
    folder: dirname(debianReaders),
    sources: ['debian.sh'],
    needs: 'npm run test:proof -- readers needs apt-get, for the gem dotenv and phpdotenv',
    steps: [['bash', ['debian.sh', dirname(debianReaders), ...debianPackages], '.']],
  });
  const folder = dirname(dirname(pythonReader));
  await build({
    folder,
    sources: ['python/requirements.txt'],
    needs:
      'npm run test:proof -- readers needs python3 (3.10 or later) with venv on the path, for python-dotenv',
    steps: [
      ['python3', ['-m', 'venv', '--clear', folder], 'python'],
      [
        pythonReader,
        ['-m', 'pip', 'install', '-q', '--require-hashes', '-r', 'requirements.txt'],
        'python',
      ],
    ],
  });
};

const debianPackages = [
  'ruby-dotenv',
  ...['php-vlucas-phpdotenv', 'php-graham-campbell-result-type', 'php-phpoption'],
];

const requireProgram = (command: string, packages: string): void => {
  if (findProgram(command) === undefined)
    fail(`npm run test:proof -- readers needs ${command}: apt-get install ${packages}`);
};

const requireShell = (shell: Shell): void => {
  if (!shellsHere.includes(shell))
    fail(`npm run test:proof -- readers needs ${shell}: apt-get install ${shell}`);
};

type Build = {
  readonly folder: string;
  readonly sources: readonly string[];
  readonly needs: string;
  readonly steps: readonly (readonly [string, readonly string[], string])[];
};

const build = ({ folder, sources, needs, steps }: Build): Promise<void> => {
  const hash = createHash('sha256');
  for (const source of sources) hash.update(readFileSync(join(here, source)));
  return installOnce({
    folder,
    name: hash.digest('hex'),
    install: () => {
      mkdirSync(folder, { recursive: true });
      for (const [command, args, from] of steps) run(command, args, from, needs);
    },
  });
};

const run = (command: string, args: readonly string[], folder: string, needs: string): void => {
  try {
    execFileSync(command, args, {
      cwd: join(here, folder),
      env: { ...process.env, GOTOOLCHAIN: 'local', PIP_DISABLE_PIP_VERSION_CHECK: '1' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  } catch (error) {
    const stderr = error instanceof Error && 'stderr' in error ? String(error.stderr ?? '') : '';
    fail([needs, ...(stderr === '' ? [] : [stderr.trim()])].join(': '));
  }
};

/** Throws an error of which Jest shows only the message, without a stack. */
const fail = (sentence: string): never => {
  const failure = new Error(sentence);
  failure.stack = failure.message;
  throw failure;
};
