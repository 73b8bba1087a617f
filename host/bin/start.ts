/**
 * `npm start` runs the whole vault in one process with one data folder, on http://127.0.0.1:3000.
 */
import { newProgram, runProgram } from '../process/program.ts';
import { serveVault } from '../single/standalone.ts';

const program = newProgram(
  'npm start --',
  'serves a vault on http://127.0.0.1:3000 until Ctrl-C; docs/configuration.md has the variables that it reads',
  ['npm start', 'PORT=3100 VAULT_DATA_DIR=/tmp/a-vault npm start'],
).action(serveVault);

await runProgram(program);
