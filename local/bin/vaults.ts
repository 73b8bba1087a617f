/**
 * `node local/bin/vaults.ts`: prints the vaults that run on this machine from this checkout, as JSON, with the
 * addresses of their nodes and the files of their logs. `dsvault console` asks this program.
 */
import { join } from 'node:path';
import { openLayout } from '../cluster/layout.ts';
import { findRunning } from '../process/process-record.ts';
import { newProgram, runProgram } from '../process/program.ts';
import { findVaults, type Vault } from '../vaults/find-vaults.ts';

type Node = {
  /** `null` for a vault that has no nodes. */
  readonly node: number | null;
  readonly url: string;
  /** `null` if its log is in no file. */
  readonly log: string | null;
};

const nodesOf = async ({ name, url, keyFolder }: Vault): Promise<readonly Node[]> => {
  if (name === 'cluster') return await nodesOfCluster(join(keyFolder, '..'));
  const log = name === 'start' ? join(keyFolder, 'log') : null;
  return url === undefined ? [] : [{ node: null, url, log }];
};

/** A dead node has no record of its address, but the ports of the nodes follow each other. */
const nodesOfCluster = async (folder: string): Promise<readonly Node[]> => {
  const ports = [1, 2, 3].flatMap((node) => {
    const running = findRunning(join(folder, `node-${node}`));
    return running?.url ? [Number(new URL(running.url).port) - node + 1] : [];
  });
  const { nodes } = await openLayout(folder, ports[0]);
  return nodes.map(({ node, port, folder: own }) => ({
    node,
    url: `http://127.0.0.1:${port}`,
    log: join(own, 'log'),
  }));
};

const program = newProgram(
  'node local/bin/vaults.ts',
  'prints the vaults that run on this machine from this checkout, as JSON',
  ['npm run -s node -- local/bin/vaults.ts'],
);

program.action(async () => {
  const vaults = await findVaults(process.env);
  const told = vaults.map(async (vault) => ({ name: vault.name, nodes: await nodesOf(vault) }));
  process.stdout.write(`${JSON.stringify(await Promise.all(told))}\n`);
});

await runProgram(program);
