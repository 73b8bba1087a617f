/** Runs the commands of docs/cli.md and the README in bash and compares their output with the page. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { freshFolder } from '../../support/local-process.ts';
import { useVault } from '../../support/running-vault.ts';

const vault = useVault();

/** The commands of the page's blocks that contain `dsvault`, each with its output. */
const commandsOf = (page: string) =>
  [...readFileSync(page, 'utf8').matchAll(/^```console\n(.*?)^```$/gms)]
    .flatMap(([, block = '']) =>
      /^\$ .*\bdsvault /m.test(block) ? block.split(/^\$ /m).slice(1) : [],
    )
    .map((text) => {
      const [command = '', ...output] = text.split(/(?<!\\)\n/);
      return { command, printed: output.join('\n').trim() };
    });

/** Hides what differs from one run to the next, also widths of columns. */
const steady = (text: string): string =>
  text
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'INSTANT')
    .replaceAll(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, 'ID')
    .replaceAll(/kept in \S+/g, 'kept in FILE')
    .replaceAll(/ +/g, ' ')
    .trim();

const run = (command: string, folder: string): string => {
  const script = `
    dsvault() { "${resolve('cli/dsvault.js')}" "$@"; }
    npm() { printf %s "$TOKEN"; }
    ${command}`;
  const { PATH } = process.env;
  const env = {
    PATH,
    HOME: folder,
    DSVAULT_ADDR: vault.baseUrl(),
    // `dsvault login --local` looks here for the running vault.
    VAULT_DATA_DIR: vault.dataDir,
    TOKEN: vault.token({ tenant: folder.replaceAll(/\W/g, ''), sub: 'you' }),
  };
  const ran = spawnSync('bash', ['-c', `{ ${script}\n} 2>&1`], {
    cwd: folder,
    env,
    encoding: 'utf8',
  });
  return ran.stdout;
};

describe('a command of the page', () => {
  it.each(['docs/cli.md', 'README.md'])(
    'prints the output in %s, in the order of the page',
    (page) => {
      const folder = freshFolder();
      const commands = commandsOf(page);
      expect(commands.length).toBeGreaterThanOrEqual(5);
      for (const { command, printed } of commands) {
        const shown = /^cat (\S+)$/.exec(command)?.[1];
        // A file that is shown before a command made it belongs to the reader.
        const file = join(folder, shown ?? '.');
        if (!existsSync(file)) writeFileSync(file, `${printed}\n`);
        expect([command, steady(run(command, folder))]).toEqual([command, steady(printed)]);
      }
    },
  );
});

describe('the documents', () => {
  const pages = readdirSync('docs', { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.md'))
    .map((file) => join('docs', file));

  it.each(['README.md', 'CONTRIBUTING.md', 'SECURITY.md', ...pages])(
    'start dsvault by its name or its path, never by npx or node: %s',
    (page) => {
      const starts = /\bnpx( -\S+)* dsvault\b.*|\bnode( -\S+)* \S*cli\/dsvault\.js.*/g;
      expect(readFileSync(page, 'utf8').match(starts)).toBeNull();
    },
  );
});
