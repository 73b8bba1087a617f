/**
 * `npm run chaos -- [--seed N] [--operations N] [--faults N] [--seconds N] [--clients N] [--kinds a,b] [--folder F]
 * [--port N] [--network namespaces|loopback] [--hostility PERCENT]`: three nodes, clients that fight over secrets on all of them, and faults
 * that befall them; then whether every reply was right and all nodes hold the same. Exits with 0 only if so. The same
 * seed gives the same plan of requests and faults; what comes of them also depends on the machine's speed.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { runChaos } from './chaos.ts';
import { type FaultKind, faultKinds } from './faults.ts';
import { bestNetwork, type NetworkName } from './site.ts';

const text = { type: 'string' } as const;
const { values } = parseArgs({
  options: {
    ...{ seed: text, operations: text, faults: text, seconds: text, clients: text, port: text },
    ...{ kinds: text, folder: text, network: text, hostility: text },
  },
});
const count = (name: string, given: string | undefined, preset: number): number => {
  const number = Number(given ?? preset);
  if (Number.isInteger(number) && number >= 0) return number;
  throw new Error(`--${name} is a whole number`);
};
const kindsOf = (list: string | undefined): readonly FaultKind[] => {
  if (list === undefined) return faultKinds;
  const named = list.split(',').filter((kind) => kind !== '');
  const kinds = faultKinds.filter((kind) => named.includes(kind));
  if (kinds.length === named.length) return kinds;
  throw new Error(`--kinds knows ${faultKinds.join(', ')}`);
};

const networkOf = (name: string | undefined): NetworkName => {
  if (name === undefined) return bestNetwork();
  if (name === 'namespaces' || name === 'loopback') return name;
  throw new Error('--network is namespaces or loopback');
};

const kinds = kindsOf(values.kinds);
const folder = values.folder ?? mkdtempSync(join(tmpdir(), 'vault-chaos-'));
const result = await runChaos({
  seed: count('seed', values.seed, Date.now() % 1_000_000),
  operations: count('operations', values.operations, 20_000),
  faults: kinds.length === 0 ? 0 : count('faults', values.faults, 40),
  seconds: count('seconds', values.seconds, 720),
  clients: count('clients', values.clients, 16),
  network: networkOf(values.network),
  hostility: count('hostility', values.hostility, 1) / 100,
  firstPort: count('port', values.port, 4_400),
  kinds,
  folder: resolve(folder),
  say: (line) => void process.stdout.write(`${line}\n`),
});
writeFileSync(join(folder, 'result.json'), JSON.stringify(result, undefined, 2));
if (result.ok && values.folder === undefined) rmSync(folder, { recursive: true });
else process.stdout.write(`history, logs and data are in ${folder}\n`);
process.exit(result.ok ? 0 : 1);
