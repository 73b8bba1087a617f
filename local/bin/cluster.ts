/**
 * `npm run cluster`: a vault of three nodes on this machine, at http://127.0.0.1:3001 to 3003. With
 * a command (`status`, `kill 2`, …) it sends the command to the running cluster. `init` is
 * host/bin/init.ts.
 */
import { generateKeyPairSync } from 'node:crypto';
import { existsSync } from 'node:fs';
import { InvalidArgumentError } from '@commander-js/extra-typings';
import { endsSoon } from '../../functions/model/types.ts';
import { endOf } from '../../host/http/tls.ts';
import { policyVariable, readPolicyFile } from '../../host/identity/access-policy.ts';
import { findClusterFile } from '../../host/node/cluster-file.ts';
import { initCluster } from '../../host/node/init.ts';
import {
  type Layout,
  nodeNumbers,
  nodesVariable,
  openLayout,
  readFirstPort,
  requireFreePortsOfNew,
  requireFreeVaultPorts,
} from '../../host/node/layout.ts';
import { requireEtcd } from '../../host/node/member.ts';
import { folderSetting } from '../../host/process/commands.ts';
import { dataFolderOf, lockDataFolder, openDataFolder } from '../../host/process/data-folder.ts';
import { untilSignal } from '../../host/process/ending.ts';
import { newProgram, report, runProgram, say } from '../../host/process/program.ts';
import { clusterRecord } from '../../host/process/vault-records.ts';
import { type Command, nodeActions, nodeChanges } from '../cluster/commands.ts';
import { type Control, sendCommand, startControl } from '../cluster/control.ts';
import { createCluster } from '../cluster/processes.ts';

/**
 * Returns the text that says how to go on in a second terminal. `setting` stands before each
 * command of it.
 */
const nextSteps = (setting: string): string => {
  const command = `${setting}npm run -s cluster --`;
  const dsvault = `${setting}./cli/dsvault.js`;
  return `a token to try it: ${setting}npm run -s token -- --for cluster --tenant demo --sub you
the state of the nodes: ${command} status
to make a node fail: ${command} kill|start|stop|pause|resume|isolate|heal|wipe N
to look at it in a browser: ${dsvault} login --local --for cluster --profile cluster && ${dsvault} console --profile cluster`;
};

const greet = ({ folder, nodes }: Layout, serving: readonly number[]): void => {
  const urls = nodes.map(({ port }) => `http://127.0.0.1:${port}`);
  for (const { node, folder: own } of nodes) {
    if (!serving.includes(node)) report(`node ${node} does not serve: see ${own}/log`);
  }
  // The text is written at once, so that nobody reads half of it.
  const next = nextSteps(folderSetting(process.env, folder));
  say(`cluster listening on ${urls.join(' ')}\n${next}`);
};

/**
 * Checks the access policy here, so that there is one message instead of one from each node. The
 * key of this machine may not exist yet, so a placeholder is used.
 */
const checkPolicy = (): void => {
  const file = process.env[policyVariable];
  if (!file) return;
  const { publicKey } = generateKeyPairSync('ed25519');
  readPolicyFile(file, { keys: [publicKey.export({ format: 'jwk' })] });
};

/**
 * Returns whether the nodes, which all start now, should use a new certificate, because theirs
 * expires soon.
 */
const mustRenew = ({ clusterFile }: Layout): boolean => {
  const known = findClusterFile(clusterFile);
  return known !== undefined && endsSoon(endOf(known.tls));
};

/** Runs a cluster on the folder until this process is asked to stop. */
const serve = async (folder: string): Promise<void> => {
  const signal = untilSignal();
  const firstPort = readFirstPort(process.env);
  // etcd, the policy and the ports are checked here, so that there is one message instead of one
  // from each node.
  requireEtcd();
  checkPolicy();
  await requireFreePortsOfNew(folder, firstPort);
  openDataFolder(folder);
  const lock = lockDataFolder(folder);
  const layout = await openLayout(folder, firstPort);
  // This also ends the nodes that an earlier run has left, because they may occupy the ports.
  const cluster = await createCluster(layout, report);
  let control: Control | undefined;
  try {
    await requireFreeVaultPorts(layout);
    await initCluster({
      folder: layout.keyFolder,
      clusterFile: layout.clusterFile,
      nodes: nodesVariable(layout.nodes),
      masterKeyId: process.env['MASTER_KEY_ID'] || undefined,
      renewal: mustRenew(layout) ? 'certificate' : undefined,
      // A missing cluster file means a new cluster. Somebody who restores a backup moves the file
      // away for that.
      isNewCluster: !existsSync(layout.clusterFile),
    });
    clusterRecord.remember(folder, {});
    control = await startControl(folder, cluster.run, report);
    const serving = await Promise.race([cluster.start(), signal]);
    if (serving !== undefined) {
      greet(layout, serving);
      await signal;
    }
  } finally {
    await control?.close();
    await cluster.close();
    clusterRecord.forget(folder);
    lock.release();
  }
};

const folderOfCluster = (): string => dataFolderOf(process.env, '.local/cluster');
const send = async (command: Command): Promise<void> =>
  say(await sendCommand(folderOfCluster(), command));

const program = newProgram(
  'npm run cluster --',
  'runs three vault nodes on ports 3001 to 3003 of this machine until Ctrl-C, or changes those that run',
  [
    'npm run cluster',
    'npm run -s cluster -- kill 2',
    'npm run -s cluster -- init ./vault-cluster --nodes 10.0.0.1,10.0.0.2,10.0.0.3',
  ],
).action(() => serve(folderOfCluster()));

program
  .command('status')
  .description('shows the nodes side by side')
  .option('--json', 'print one JSON document', false)
  .action(({ json }) => send({ action: 'status', json }));

const readNode = (text: string): (typeof nodeNumbers)[number] => {
  const node = nodeNumbers.find((number) => String(number) === text);
  if (node !== undefined) return node;
  throw new InvalidArgumentError(`The nodes are ${nodeNumbers.join(', ')}.`);
};

for (const action of nodeActions) {
  program
    .command(action)
    .description(nodeChanges[action])
    .argument('<node>', `its number: ${nodeNumbers.join(', ')}`, readNode)
    .action((target) => send({ action, target }));
}

program
  .command('init <folder>')
  .description('creates what nodes on several machines share, and keeps what exists');

// `init` is a program of host/, because the image of the nodes has no local/.
if (process.argv[2] === 'init') {
  process.argv.splice(2, 1);
  await import('../../host/bin/init.ts');
} else {
  await runProgram(program);
}
