/** Python environments under `.local`, created once for each list of requirements. */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { root } from '../../host/process/data-folder.ts';
import { run } from '../../host/process/run.ts';
import { failure } from '../../system/failures.ts';
import { installOnce } from './install-once.ts';

/**
 * The lines of a usage text that say what a program with LocalStack or SAM may install on this
 * machine.
 */
export const stackInstalls: readonly string[] = [
  'images of Docker, pulled',
  'SAM and LocalStack for Python, into .local/python, once',
];

type EnvironmentName = 'checkov' | 'localstack' | 'sam';

/**
 * The oldest usable version of Python. LocalStack needs its `warnings.deprecated`, and with an
 * older version does not find its own parts.
 */
const oldest = { major: 3, minor: 13 };

const installedByPyenv = (): readonly string[] => {
  const versions = join(process.env['PYENV_ROOT'] || join(homedir(), '.pyenv'), 'versions');
  if (!existsSync(versions)) return [];
  return readdirSync(versions).map((version) => join(versions, version, 'bin', 'python'));
};

const isNewEnough = async (python: string): Promise<boolean> => {
  const script = `import sys, venv; sys.exit(sys.version_info < (${oldest.major}, ${oldest.minor}))`;
  try {
    await run(python, ['-c', script]);
    return true;
  } catch {
    return false;
  }
};

const getPython = async (purpose: string): Promise<string> => {
  const names = ['python3', 'python3.13', 'python3.14', ...installedByPyenv()];
  for (const python of names) if (await isNewEnough(python)) return python;
  throw failure(
    `Python ${oldest.major}.${oldest.minor} or later with venv is needed for ${purpose}: install it, as python3 on ` +
      'the PATH or with pyenv',
  );
};

/** Returns the folder of the programs of SAM, LocalStack or checkov. See `ensureEnvironment`. */
export const ensurePython = (name: EnvironmentName, say: (line: string) => void): Promise<string> =>
  ensureEnvironment(name, join(import.meta.dirname, 'requirements', `${name}.txt`), say);

/**
 * Returns the folder of an environment's programs. Creates the environment if it is missing or its
 * requirements have changed.
 */
export const ensureEnvironment = async (
  name: string,
  requirements: string,
  say: (line: string) => void,
): Promise<string> => {
  const folder = join(root, '.local', 'python', name);
  const programs = join(folder, 'bin');
  await installOnce({
    folder,
    name: createHash('sha256').update(readFileSync(requirements)).digest('hex'),
    install: async () => {
      const python = await getPython(name);
      say(`installing ${name} for Python into ${folder}, once (about a minute)`);
      await run(python, ['-m', 'venv', '--clear', folder]);
      const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check'];
      await run(join(programs, 'python'), [...pip, '--requirement', requirements]);
    },
  });
  return programs;
};
