/**
 * Reads the commands that a document shows at a prompt, and the output that it shows below each.
 */
import { readFileSync } from 'node:fs';

export type ShownCommand = { readonly command: string; readonly printed: string };

const commandsOfBlocks = (text: string, isMeant: (block: string) => boolean) =>
  [...text.matchAll(/^( *)```console\n(.*?)^\1```$/gms)]
    .map(([, indent = '', block = '']) => block.replaceAll(new RegExp(`^${indent}`, 'gm'), ''))
    .filter(isMeant)
    .flatMap((block) => block.split(/^\$ /m).slice(1))
    .map((shown): ShownCommand => {
      const [command = '', ...output] = shown.split(/(?<!\\)\n/);
      return { command, printed: output.join('\n').trim() };
    });

/**
 * Returns the commands of those console blocks on the page that run `dsvault`, in the order of the
 * page.
 */
export const commandsOf = (page: string): readonly ShownCommand[] =>
  commandsOfBlocks(readFileSync(page, 'utf8'), (block) => /^\$ .*\bdsvault /m.test(block));

/** Returns all commands below a heading of the document, in order. */
export const commandsBelow = (page: string, heading: string): readonly ShownCommand[] => {
  const [, section = ''] = readFileSync(page, 'utf8').split(`\n## ${heading}\n`);
  return commandsOfBlocks(section.split(/^## /m)[0] ?? '', () => true);
};

/**
 * Returns the text without what differs between two runs, so that they can be compared: instants,
 * ids, ages such as `5s`, durations, names of saved files, and the widths of columns.
 */
export const steady = (text: string): string =>
  text
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'INSTANT')
    .replaceAll(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, 'ID')
    .replaceAll(/ \d+s /g, ' AGE ')
    .replaceAll(/(?<=^added 1 package in )\d+m?s$/gm, 'TIME')
    .replaceAll(/for \S+ is saved in \S+/g, 'for ADDRESS is saved in FILE')
    .replaceAll(/ +/g, ' ')
    .trim();
