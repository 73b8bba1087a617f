/** Runs the commands of docs/cli.md in bash and compares their output with the page. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { commandsOf, steady } from '../../support/console-blocks.ts';
import { freshFolder } from '../../support/local-process.ts';
import { useVault } from '../../support/running-vault.ts';

const vault = useVault();

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
    TOKEN: vault.token({ tenant: folder.replaceAll(/\W/g, ''), sub: 'you' }),
  };
  const ran = spawnSync('bash', ['-c', `{ ${script}\n} 2>&1`], {
    cwd: folder,
    env,
    encoding: 'utf8',
  });
  return ran.stdout;
};

describe('docs/cli.md', () => {
  it('shows the output that its commands print, in the order of the page', () => {
    const folder = freshFolder();
    const commands = commandsOf('docs/cli.md');
    expect(commands.length).toBeGreaterThanOrEqual(5);
    for (const { command, printed } of commands) {
      const shown = /^cat (\S+)$/.exec(command)?.[1];
      // If the page shows a file before any command has made it, it is a file that the reader
      // already has. The test then writes it.
      const file = join(folder, shown ?? '.');
      if (!existsSync(file)) writeFileSync(file, `${printed}\n`);
      expect([command, steady(run(command, folder))]).toEqual([command, steady(printed)]);
    }
  });
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
