/**
 * `npm run bench` measures how fast the vault is and what an operation costs, compared with the floor
 * (docs/performance.md). `cluster` measures three nodes. `fresh` checks whether a first read at another node ever
 * misses an acknowledged write, and exits with 1 if so. `cold` measures how functions start, `scale` how cost and time
 * grow, `growth` a vault with many secrets, and `cost` computes prices on AWS.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { closeAtEnd } from '../local/process/ending.ts';
import { runProgram } from '../local/process/program.ts';
import { failure } from '../system/failures.ts';
import { measureColdStarts } from './cold.ts';
import { dollarTables } from './dollar-tables.ts';
import { growthText, measureGrowth } from './growth/growth.ts';
import { commandLine, readOptions } from './options.ts';
import { readyProfiles } from './profiling.ts';
import {
  comparisonTable,
  describeMachine,
  readReport,
  resultsText,
  writeReport,
} from './report.ts';
import { checkFreshness, measureCluster, measureOneNode } from './runs.ts';
import { measureScale } from './scale/scale.ts';
import { scaleTable } from './scale/table.ts';

const say = (line: string): void => void process.stdout.write(`${line}\n`);
const runs = { 'one-node': measureOneNode, cluster: measureCluster, fresh: checkFreshness };

/** Runs `work` in a folder that is removed at the end of the program, after everything that runs in it has ended. */
const inFolder = async <Result>(work: (folder: string) => Promise<Result>): Promise<Result> => {
  const folder = mkdtempSync(join(tmpdir(), 'vault-bench-'));
  closeAtEnd(() => rmSync(folder, { recursive: true, force: true }));
  return await work(folder);
};

await runProgram(commandLine, async (line) => {
  const asked = readOptions(line);
  if (asked.command === 'cold') return say(await inFolder(measureColdStarts));
  if (asked.command === 'compare') {
    const [a, b] = asked.files.map(readReport);
    if (a !== undefined && b !== undefined) say(comparisonTable(a, b));
    return;
  }
  if (asked.command === 'cost') return say(dollarTables().join('\n\n'));
  if (asked.command === 'scale') {
    const points = await inFolder((folder) => measureScale(asked.axes, folder));
    const scale = { machine: describeMachine(), points };
    if (asked.json !== undefined) writeReport(asked.json, scale);
    return say(scaleTable(scale));
  }
  if (asked.command === 'growth') {
    const growth = await measureGrowth(asked);
    if (asked.json !== undefined) writeReport(asked.json, growth);
    return say(growthText(growth));
  }
  const profiles = asked.profiles && readyProfiles(asked.profiles);
  const results = await inFolder((folder) => runs[asked.command]({ ...asked, profiles }, folder));
  const report = { command: asked.command, machine: describeMachine(), ...results };
  if (asked.json !== undefined) writeReport(asked.json, report);
  say(resultsText(report));
  const missed = results.fresh?.find(({ subject }) => subject === 'vault')?.missed ?? 0;
  if (missed > 0) throw failure(`${missed} first reads missed an acknowledged write`);
});
