/**
 * `npm run bench` measures how fast one vault is (docs/performance.md), and `npm run bench --
 * cluster` how fast three nodes are. Start reading at runs.ts; measure.ts says how a figure is
 * measured.
 */
import { temporaryFolder } from '../host/process/data-folder.ts';
import { runProgram } from '../host/process/program.ts';
import { newBench, readOptions } from './options.ts';
import {
  comparisonTable,
  describeMachine,
  readReport,
  resultsText,
  writeReport,
} from './report.ts';
import { measureCluster, measureOneNode } from './runs.ts';

const say = (line: string): void => void process.stdout.write(`${line}\n`);
const runs = { 'one-node': measureOneNode, cluster: measureCluster };

const program = newBench().action(async (words, flags) => {
  const options = readOptions(words, flags);
  if (options.command === 'compare') {
    const [a, b] = options.files.map(readReport);
    if (a !== undefined && b !== undefined) say(comparisonTable(a, b));
    return;
  }
  const figures = await runs[options.command](options, temporaryFolder('vault-bench-'));
  const report = { command: options.command, machine: describeMachine(), figures };
  if (options.json !== undefined) writeReport(options.json, report);
  say(resultsText(report));
});

await runProgram(program);
