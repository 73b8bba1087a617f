/** Writes the reference of docs/cli.md from the help of `dsvault`. `npm run fix` runs it. */
import { readFileSync, writeFileSync } from 'node:fs';
import { commonOptions, leavesOf } from '../../cli/man-page.ts';
import { programFor } from '../../cli/program.ts';

const page = 'docs/cli.md';
const place = /(?<=<!-- From --help\. -->\n).*?(?=<!-- Until here\. -->)/s;

const currentReference = async (): Promise<string> => {
  const program = await programFor();
  const help = program.createHelp();
  const commands = leavesOf(program);
  const rows = commands.map((command) => {
    const usage = help.commandUsage(command).replace('dsvault ', '').replace(' [options]', '');
    return `| \`${usage}\` | ${command.description()} |\n`;
  });
  const most = commonOptions(commands).map(({ long }) => `\`${long}\``);
  return `
| command | does |
|---|---|
${rows.join('')}
Most commands also know
${most.join(' ')}.

`;
};

/** The text of docs/cli.md: as it is, and as `dsvault --help` has it. Throws if the page has no place for it. */
export const referencePage = async () => {
  const text = readFileSync(page, 'utf8');
  if (!place.test(text)) throw new Error(`${page} has no place for the reference`);
  const reference = await currentReference();
  return { text, wanted: text.replace(place, () => reference) };
};

if (process.argv[1]?.endsWith('test/support/cli-reference.ts')) {
  void referencePage().then(({ wanted }) => writeFileSync(page, wanted));
}
