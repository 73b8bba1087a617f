/** The commands that a document shows at a prompt, and the output that it shows for each. */
import { readFileSync } from 'node:fs';

export type ShownCommand = { readonly command: string; readonly printed: string };

/** The commands of the document's blocks that contain `dsvault`, in order. */
export const commandsOf = (page: string): readonly ShownCommand[] =>
  [...readFileSync(page, 'utf8').matchAll(/^```console\n(.*?)^```$/gms)]
    .flatMap(([, block = '']) =>
      /^\$ .*\bdsvault /m.test(block) ? block.split(/^\$ /m).slice(1) : [],
    )
    .map((text) => {
      const [command = '', ...output] = text.split(/(?<!\\)\n/);
      return { command, printed: output.join('\n').trim() };
    });

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
