/**
 * `npm run demo`: starts a vault of three nodes, plays a minute of use and of failures, and checks each
 * claim. The exit code is 1 if a check fails. The data are removed at the end unless `VAULT_DATA_DIR` names a
 * folder to keep them in.
 */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { failure } from '../../system/failures.ts';
import { startProcesses } from '../demo/processes.ts';
import { tellStory } from '../demo/story.ts';
import { root } from '../process/data-folder.ts';
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
  const given = process.env['VAULT_DATA_DIR'];
  const folder = given ? resolve(given) : mkdtempSync(join(tmpdir(), 'vault-demo-'));
  say(`a vault of three nodes starts in ${folder}`);
  const nodes = await startProcesses({ root, folder, isTemporary: !given });
  const isTrue = await tellStory(nodes, say);
  await nodes.close();
  if (!isTrue) throw failure('not every claim holds');
});

await runProgram(program);
