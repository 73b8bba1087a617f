/**
 * `npm run stack -- sam` serves the vault by the SAM CLI, in containers as on AWS, and `npm run
 * stack -- localstack` deploys the whole template to LocalStack.
 */

import { newProgram, runProgram } from '../../host/process/program.ts';
import { usage } from '../../system/failures.ts';
import { stackInstalls } from '../containers/python.ts';
import { localstackProgram } from './localstack.ts';
import { samProgram } from './sam.ts';

const program = newProgram(
  'npm run stack --',
  'runs the vault as on AWS, but on this machine, until Ctrl-C',
  ['npm run -s stack -- sam', 'npm run -s stack -- localstack'],
  stackInstalls,
);

program.action(() => {
  throw usage('say what to run, sam or localstack; --help shows how it is used');
});
program.addCommand(samProgram).addCommand(localstackProgram);

await runProgram(program.enablePositionalOptions());
