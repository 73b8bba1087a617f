/**
 * `npm run demo`: starts a vault of three nodes, plays a minute of use and of failures, and checks each
 * claim. The exit code is 1 if a check fails. The data are removed at the end unless `VAULT_DATA_DIR` names a
 * folder to keep them in.
 */
import { resolve } from 'node:path';
import { failure } from '../../system/failures.ts';
import { startNodes } from '../demo/nodes.ts';
import { tellStory } from '../demo/story.ts';
import { temporaryFolder } from '../process/data-folder.ts';
import { causeOfEnd } from '../process/ending.ts';
import { newProgram, runProgram } from '../process/program.ts';

/** A story that was stopped may still go on until its nodes have ended; its lines are no longer printed. */
const say = (line: string): void => {
  if (causeOfEnd() === undefined) process.stdout.write(`${line}\n`);
};

const program = newProgram(
  'npm run demo --',
  'starts three vault nodes, makes them fail in about a minute, and exits with 1 if a claim does not hold',
  ['npm run demo', 'VAULT_DATA_DIR=/tmp/a-demo npm run demo'],
);

program.action(async () => {
  const chosen = process.env['VAULT_DATA_DIR'];
  const folder = chosen ? resolve(chosen) : temporaryFolder('vault-demo-');
  say(`a vault of three nodes starts in ${folder}`);
  if (!(await tellStory(await startNodes(folder), say))) throw failure('not every claim holds');
});

await runProgram(program);
