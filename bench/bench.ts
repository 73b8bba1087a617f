/**
 * `npm run bench` measures how fast one vault is (docs/performance.md), and `npm run bench --
 * cluster` how fast three nodes are. With a peer, both are measured in turns. Start reading at
 * measure.ts.
 */
import { cpus, loadavg } from 'node:os';
import { root, temporaryFolder } from '../host/process/data-folder.ts';
import { report, runProgram, say } from '../host/process/program.ts';
import { type Figure, measure, resultsTable, warmUp } from './measure.ts';
import { newBench } from './options.ts';
import { openBaoAt, type Store, startVault } from './stores.ts';

const program = newBench().action(async (subject, { operations, clients, seconds, peer }) => {
  const folder = temporaryFolder('vault-bench-');
  const stores: Store[] = [await startVault('vault', subject, root, folder)];
  if (peer !== undefined) {
    stores.push(
      'urls' in peer
        ? openBaoAt(peer.urls, process.env['BAO_TOKEN'] ?? '')
        : await startVault('peer', subject, peer.folder, folder),
    );
  }
  for (const operation of operations) {
    report(`${operation}, warming up`);
    await warmUp(stores, operation, 1000 * seconds);
  }
  const figures: Figure[] = [];
  for (const operation of operations) {
    for (const count of clients) {
      report(`${operation}, clients: ${count}`);
      figures.push(await measure(stores, operation, count, 1000 * seconds));
    }
  }
  const [load = Number.NaN] = loadavg();
  say(
    `${cpus().length} processors (${cpus()[0]?.model}), Node ${process.version}, load average at the end ${load.toFixed(2)}`,
  );
  say(resultsTable(figures));
});

await runProgram(program);
