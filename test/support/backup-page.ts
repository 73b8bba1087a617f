/**
 * Reads from docs/deploy/backup.md the commands for one deployment of the vault, such as `npm
 * start`, so that tests run exactly what an operator types.
 */
import { readFileSync } from 'node:fs';
import { commandsBelow } from './console-blocks.ts';

const page = 'docs/deploy/backup.md';

export type HomeCommands = {
  /**
   * The command that defines the shell function `vault` with the content that the page's table
   * gives for this deployment.
   */
  readonly define: string;
  /** The command that prints the log of the vault, as the page's table shows it. */
  readonly log: string;
  readonly backUp: readonly string[];
  /** The commands that create an empty vault. */
  readonly empty: readonly string[];
  readonly preview: string;
  /** The commands that the section "Restore" shows after its first one, which is the preview. */
  readonly restore: readonly string[];
};

/**
 * Returns the commands for one deployment. `home` is the beginning of its row in the table. `title`
 * is the beginning of the text above the commands that create an empty vault.
 */
export const homeCommands = (home: string, title: string): HomeCommands => {
  const cells = readFileSync(page, 'utf8')
    .split('\n')
    .find((line) => line.startsWith(`| ${home}`))
    ?.split(' | ')
    .map((cell) => /`(.*)`/.exec(cell)?.[1] ?? '');
  const [, vault = '', , log = ''] = cells ?? [];
  const blocks = readFileSync(page, 'utf8').split(`\n${title}`)[1] ?? '';
  const [, block = ''] = /^```console\n\$ (.*?)\n```$/ms.exec(blocks) ?? [];
  const [preview = '', ...restore] = commandsBelow(page, 'Restore').map(({ command }) => command);
  return {
    ...{ define: `vault() { ${vault}; }`, log, preview, restore },
    backUp: commandsBelow(page, 'Back up').map(({ command }) => command),
    empty: block.split(/\n\$ /),
  };
};
