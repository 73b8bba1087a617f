/** The command line of `npm run bench`. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Argument, InvalidArgumentError } from '@commander-js/extra-typings';
import { newProgram } from '../host/process/program.ts';
import { operations, programs, type Subject } from './stores.ts';

const readOperation = (word: string): (typeof operations)[number] => {
  const found = operations.find((operation) => operation === word);
  if (found !== undefined) return found;
  throw new InvalidArgumentError(`The operations are ${operations.join(', ')}.`);
};

const readClients = (word: string): number => {
  if (/^\d+$/.test(word) && Number(word) >= 1 && Number(word) <= 64) return Number(word);
  throw new InvalidArgumentError('Give numbers from 1 to 64, with commas between.');
};

const readSeconds = (text: string): number => {
  if (Number(text) > 0 && Number(text) <= 300) return Number(text);
  throw new InvalidArgumentError('Give a number up to 300.');
};

const listOf =
  <Item>(readItem: (word: string) => Item) =>
  (text: string): readonly Item[] =>
    text.split(',').map(readItem);

/** The nodes of an OpenBao that runs, or a folder with another checkout of the vault. */
export type Peer = { readonly urls: readonly string[] } | { readonly folder: string };

const readPeer = (text: string): Peer => {
  const urls = text.split(',');
  if (urls.every((url) => /^https?:/.test(url) && URL.canParse(url))) return { urls };
  if (existsSync(join(text, programs.start))) return { folder: text };
  throw new InvalidArgumentError(
    'Give the folder of another checkout, or the URLs of OpenBao with commas between.',
  );
};

/** Creates the program. The caller adds the action. */
export const newBench = () =>
  newProgram('npm run bench --', 'measures how fast the vault creates, updates and gets secrets', [
    'npm run bench -- --operations get --clients 1,16',
    'npm run bench -- cluster --seconds 20',
    'npm run bench -- --peer ../another-checkout',
    'npm run bench -- --peer http://127.0.0.1:8200',
  ])
    .addArgument(
      new Argument('[subject]', 'one vault of npm start, or the three nodes of npm run cluster')
        .choices(Object.keys(programs) as Subject[])
        .default('start' as const),
    )
    .option(
      '--operations <list>',
      `some of ${operations.join(',')}`,
      listOf(readOperation),
      operations,
    )
    .option(
      '--clients <list>',
      'how many clients at once, from 1 to 64, with commas between',
      listOf(readClients),
      [1, 16],
    )
    .option('--seconds <number>', 'how long each figure is measured', readSeconds, 5)
    .option(
      '--peer <folder or URLs>',
      'also measure another checkout, or OpenBao at these URLs with the token in BAO_TOKEN',
      readPeer,
    );
