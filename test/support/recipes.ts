/** Reads the commands of docs/recipes.md, and runs them as a reader would. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Dsvault } from './dsvault.ts';

export const recipes = readFileSync('docs/recipes.md', 'utf8');

const sectionBelow = (heading: string): string => {
  const [, section = ''] = recipes.split(`\n## ${heading}\n`);
  return section.split(/^## /m)[0] ?? '';
};

/** Returns the blocks of code below a heading of the page, without their indentation. */
export const blocksBelow = (heading: string): readonly string[] =>
  [...sectionBelow(heading).matchAll(/^( *)```\w+\n(.*?)^\1```$/gms)].map(
    ([, indent = '', block = '']) => block.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
  );

/** Returns the commands within the text below a heading of the page. */
export const commandsBelow = (heading: string): readonly string[] =>
  [...sectionBelow(heading).matchAll(/`(dsvault [^`]+)`/g)].map(([, command = '']) =>
    command.replaceAll(/\s+/g, ' '),
  );

/** Runs a script in bash, in the folder of a `dsvault`. */
export const play = (dsvault: Dsvault, script: string, env: NodeJS.ProcessEnv) => {
  const name = `dsvault() { "${resolve('cli/dsvault.js')}" "$@"; }; watch_file() { :; }`;
  writeFileSync(join(dsvault.folder, '.script'), `${name}\n${script}`);
  return dsvault.run(['.script'], { program: 'bash', env });
};
