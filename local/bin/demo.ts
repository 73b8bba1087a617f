/**
 * `npm run demo` starts a vault of three nodes, plays half a minute of use and failures, and checks
 * each claim. The exit code is 1 if a check fails. The data is removed at the end, unless
 * `VAULT_DATA_DIR` names a folder for it.
 */
import { resolve } from 'node:path';
import { temporaryFolder } from '../../host/process/data-folder.ts';
import { causeOfEnd } from '../../host/process/ending.ts';
import { newProgram, runProgram } from '../../host/process/program.ts';
import { failure } from '../../system/failures.ts';
import { startNodes } from '../demo/nodes.ts';
import { tellStory } from '../demo/story.ts';

/**
 * A story that was stopped may continue until its nodes have ended, but its lines are no longer
 * printed.
 */
const say = (line: string): void => {
  if (causeOfEnd() === undefined) process.stdout.write(`${line}\n`);
};

const program = newProgram(
  'npm run demo --',
  'starts three vault nodes, makes them fail for about half a minute, and exits with 1 if a claim does not hold',
  ['npm run demo', 'VAULT_DATA_DIR=/tmp/a-demo npm run demo'],
);

program.action(async () => {
  const chosen = process.env['VAULT_DATA_DIR'];
  const folder = chosen ? resolve(chosen) : temporaryFolder('vault-demo-');
  say(`a vault of three nodes starts in ${folder}`);
  if (!(await tellStory(await startNodes(folder), say))) throw failure('not every claim holds');
});

await runProgram(program);
