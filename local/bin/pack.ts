/**
 * `npm run pack` builds the packages `dsvault` and `dsvault-client`, and the GitHub Action, in
 * `.local/packages/`.
 */

import { newProgram, runProgram } from '../../host/process/program.ts';
import manifest from '../../package.json' with { type: 'json' };
import { packAll } from '../pack/packages.ts';

const target = '.local/packages';

const program = newProgram(
  'npm run pack --',
  `builds the packages dsvault and dsvault-client, and the GitHub Action, in ${target}`,
  ['npm run pack', `npm i -g ${target}/dsvault-${manifest.version}.tgz`],
)
  .option('--repository <url>', 'where the sources are; package.json names it')
  .option('--homepage <url>', 'where the pages are; package.json and dsvault --help name it')
  .option('--bugs <url>', 'where to report what is wrong; package.json names it');

program.action((addresses) => packAll(addresses, target));

await runProgram(program);
