/**
 * `npm run node -- test/cluster/chaos/run.ts` starts three nodes, lets clients on all of them fight
 * over secrets, and makes the nodes suffer faults. Then it checks whether every reply was right and
 * all nodes have the same data. It exits with 0 only if so. The same seed plans the same requests
 * and faults, but their effects also depend on the speed of the machine.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { newProgram, runProgram } from '../../../host/process/program.ts';
import { usage } from '../../../system/failures.ts';
import { runChaos } from './chaos.ts';
import { type FaultKind, faultKinds } from './faults.ts';
import { bestNetwork, type NetworkName } from './site.ts';

const program = newProgram(
  'npm run node -- test/cluster/chaos/run.ts',
  'lets clients and faults loose on three vault nodes; exits with 0 only if every reply was right and all nodes agree',
  [
    'npm run node -- test/cluster/chaos/run.ts --seed 7 --seconds 60',
    'npm run node -- test/cluster/chaos/run.ts --kinds kill --clients 4',
  ],
)
  .option('--seed <number>', 'draws the requests and faults; the time is the preset')
  .option('--operations <number>', 'how many requests; 10000')
  .option('--faults <number>', 'how many faults; 20')
  .option('--seconds <number>', 'how long at most; 720')
  .option('--clients <number>', 'how many clients; 16')
  .option('--kinds <list>', `some of ${faultKinds.join(',')}`)
  .option('--folder <folder>', 'keep history, logs and data there')
  .option('--network <name>', 'namespaces (as root on Linux) or loopback')
  .option('--hostility <percent>', 'of calls of the functions that meet a fault; 1');

const count = (name: string, given: string | undefined, preset: number): number => {
  const number = Number(given ?? preset);
  if (Number.isInteger(number) && number >= 0) return number;
  throw usage(`--${name} is a whole number`);
};
const kindsOf = (list: string | undefined): readonly FaultKind[] => {
  if (list === undefined) return faultKinds;
  const named = list.split(',').filter((kind) => kind !== '');
  const kinds = faultKinds.filter((kind) => named.includes(kind));
  if (kinds.length === named.length) return kinds;
  throw usage(`--kinds knows ${faultKinds.join(', ')}`);
};

const networkOf = (name: string | undefined): NetworkName => {
  if (name === undefined) return bestNetwork();
  if (name === 'namespaces' || name === 'loopback') return name;
  throw usage('--network is namespaces or loopback');
};

program.action(async (values) => {
  const kinds = kindsOf(values.kinds);
  const asked = {
    seed: count('seed', values.seed, Date.now() % 1_000_000),
    operations: count('operations', values.operations, 10_000),
    faults: kinds.length === 0 ? 0 : count('faults', values.faults, 20),
    seconds: count('seconds', values.seconds, 720),
    clients: count('clients', values.clients, 16),
    network: networkOf(values.network),
    hostility: count('hostility', values.hostility, 1) / 100,
    kinds,
  };
  const folder = values.folder ?? mkdtempSync(join(tmpdir(), 'vault-chaos-'));
  const say = (line: string): void => void process.stdout.write(`${line}\n`);
  const result = await runChaos({ ...asked, folder: resolve(folder), say });
  writeFileSync(join(folder, 'result.json'), JSON.stringify(result, undefined, 2));
  if (result.ok && values.folder === undefined) rmSync(folder, { recursive: true });
  else say(`history, logs and data are in ${folder}`);
  process.exitCode = result.ok ? 0 : 1;
});

await runProgram(program);
