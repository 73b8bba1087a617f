/** The commands that a document shows at a prompt, and the output that it shows for each. */
import { readFileSync } from 'node:fs';

export type ShownCommand = { readonly command: string; readonly printed: string };

const commandsOfBlocks = (text: string, isMeant: (block: string) => boolean) =>
  [...text.matchAll(/^```console\n(.*?)^```$/gms)]
    .map(([, block = '']) => block)
    .filter(isMeant)
    .flatMap((block) => block.split(/^\$ /m).slice(1))
    .map((shown): ShownCommand => {
      const [command = '', ...output] = shown.split(/(?<!\\)\n/);
      return { command, printed: output.join('\n').trim() };
    });

/** The commands of the document's blocks that contain `dsvault`, in order. */
export const commandsOf = (page: string): readonly ShownCommand[] =>
  commandsOfBlocks(readFileSync(page, 'utf8'), (block) => /^\$ .*\bdsvault /m.test(block));

/** All commands of a section of the document, in order. */
export const commandsBelow = (page: string, heading: string): readonly ShownCommand[] => {
  const [, section = ''] = readFileSync(page, 'utf8').split(`\n## ${heading}\n`);
  return commandsOfBlocks(section.split(/^## /m)[0] ?? '', () => true);
};

/** Hides what differs from one run to the next, also ages and widths of columns. */
export const steady = (text: string): string =>
  text
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'INSTANT')
    .replaceAll(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, 'ID')
    .replaceAll(/ \d+s /g, ' AGE ')
    .replaceAll(/(?<=^added 1 package in )\d+m?s$/gm, 'TIME')
    .replaceAll(/kept in \S+/g, 'kept in FILE')
    .replaceAll(/ +/g, ' ')
    .trim();
