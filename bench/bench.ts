/**
 * `npm run bench` measures how fast the vault is (docs/performance.md). `cluster` measures three nodes. `fresh` checks whether a first read at another node ever misses an acknowledged write, and exits with 1 if so.
 * Begin reading at runs.ts; measure.ts says how a figure is measured.
 */
import { temporaryFolder } from '../local/process/data-folder.ts';
import { runProgram } from '../local/process/program.ts';
import { failure } from '../system/failures.ts';
import { newBench, readOptions } from './options.ts';
import {
  comparisonTable,
  describeMachine,
  readReport,
  resultsText,
  writeReport,
} from './report.ts';
import { checkFreshness, measureCluster, measureOneNode } from './runs.ts';

const say = (line: string): void => void process.stdout.write(`${line}\n`);
const runs = { 'one-node': measureOneNode, cluster: measureCluster, fresh: checkFreshness };

const program = newBench().action(async (words, flags) => {
  const options = readOptions(words, flags);
  if (options.command === 'compare') {
    const [a, b] = options.files.map(readReport);
    if (a !== undefined && b !== undefined) say(comparisonTable(a, b));
    return;
  }
  const results = await runs[options.command](options, temporaryFolder('vault-bench-'));
  const report = { command: options.command, machine: describeMachine(), ...results };
  if (options.json !== undefined) writeReport(options.json, report);
  say(resultsText(report));
  const missed = results.fresh?.find(({ subject }) => subject === 'vault')?.missed ?? 0;
  if (missed > 0) throw failure(`${missed} first reads missed an acknowledged write`);
});

await runProgram(program);
