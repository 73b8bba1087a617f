/**
 * `npm run release` makes the release of the checked-out commit. docs/releases.md says what comes
 * before and after.
 */
import { newProgram, runProgram } from '../../host/process/program.ts';
import { makeRelease, releaseFolder } from '../pack/release.ts';

const program = newProgram(
  'npm run release --',
  `makes the release of this commit in ${releaseFolder}: the packages, the action, notes, a bill of materials and checksums`,
  ['npm run release -- --contact security@example.com'],
)
  .option('--contact <address>', 'where to report a weakness; SECURITY.md of the release names it')
  .option('--repository <url>', 'where the sources are; package.json names it')
  .option('--homepage <url>', 'where the pages are; package.json and dsvault --help name it')
  .option('--bugs <url>', 'where to report what is wrong; package.json names it');

program.action(({ contact, ...addresses }) => makeRelease(addresses, contact));

await runProgram(program);
