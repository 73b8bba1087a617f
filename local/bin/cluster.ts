/**
 * `npm run cluster`: a vault of three nodes on this machine, at http://127.0.0.1:3001 to 3003. With a command (`status`,
 * `kill 2`, …) it sends the command to the running cluster. `init` makes the files of a cluster on several machines.
 */
import { generateKeyPairSync } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { InvalidArgumentError } from '@commander-js/extra-typings';
import { endsSoon } from '../../functions/model/types.ts';
import { policyVariable } from '../../functions/runtime/config.ts';
import { type Command, nodeActions, nodeChanges, nodeNumbers } from '../cluster/commands.ts';
import { type Control, sendCommand, startControl } from '../cluster/control.ts';
import { checkCopy, copyForNodes, initCluster, nodesOf } from '../cluster/init.ts';
import {
  type Layout,
  nodesVariable,
  openLayout,
  readFirstPort,
  requireFreePortsOfNew,
  requireFreeVaultPorts,
} from '../cluster/layout.ts';
import { createCluster } from '../cluster/processes.ts';
import { endOf } from '../http/tls.ts';
import { readPolicyFile } from '../identity/access-policy.ts';
import { masterKeyFile } from '../kms/key-file.ts';
import { type ClusterFile, findClusterFile } from '../node/cluster-file.ts';
import { requireEtcd } from '../node/member.ts';
import {
  dataFolderOf,
  folderSetting,
  lockDataFolder,
  openDataFolder,
} from '../process/data-folder.ts';
import { untilSignal } from '../process/ending.ts';
import { newProgram, report, runProgram, say } from '../process/program.ts';
import { clusterRecord } from '../vaults/vault-records.ts';

/** Tells how to go on from a second terminal; `setting` stands before each command. */
const nextSteps = (setting: string): string => {
  const command = `${setting}npm run -s cluster --`;
  const dsvault = `${setting}./cli/dsvault.js`;
  return `a token to try it: ${setting}npm run -s token -- --for cluster --tenant demo --sub you
the state of the nodes: ${command} status
to make a node fail: ${command} kill|start|stop|pause|resume|isolate|heal|wipe N
to look at it in a browser, and make nodes fail there: ${dsvault} login --local --for cluster --profile cluster && ${dsvault} console --profile cluster --faults`;
};

const greet = ({ folder, nodes }: Layout, serving: readonly number[]): void => {
  const urls = nodes.map(({ port }) => `http://127.0.0.1:${port}`);
  for (const { node, folder: own } of nodes) {
    if (!serving.includes(node)) report(`node ${node} does not serve: see ${own}/log`);
  }
  // The text is one write, so that nobody reads half of it.
  const next = nextSteps(folderSetting(process.env, folder));
  say(`cluster listening on ${urls.join(' ')}\n${next}`);
};

/**
 * Checks the access policy here, so that one sentence is printed instead of one from each node. The key of this machine
 * may not exist yet, so another one stands for it.
 */
const checkPolicy = (): void => {
  const file = process.env[policyVariable];
  if (!file) return;
  const { publicKey } = generateKeyPairSync('ed25519');
  readPolicyFile(file, { keys: [publicKey.export({ format: 'jwk' })] });
};

/** What to copy where after `init`. */
const nextStepsOf = (folder: string, key: ClusterFile['key']): string => {
  const file = masterKeyFile(folder, process.env);
  const forKey =
    'masterKeyId' in key
      ? `the master key is ${key.masterKeyId}: each node needs the variables of the AWS SDK to use it`
      : `${file} goes to each node, which names it as VAULT_MASTER_KEY_FILE. Keep one more copy, apart from the backups:
without it no stored value can ever be opened again`;
  return `${join(folder, 'cluster.json')} goes to each node, which names it as VAULT_CLUSTER_FILE and has a VAULT_NODE
${forKey}
token-key.json and tls.json stay in ${folder}: they make tokens and certificates, and no node needs them`;
};

/** Whether the nodes, which all start now, should start with a new certificate. */
const mustRenew = ({ clusterFile }: Layout): boolean => {
  const known = findClusterFile(clusterFile);
  return known !== undefined && endsSoon(endOf(known.tls));
};

/** Runs a cluster on the folder until this process is asked to stop. */
const serve = async (folder: string): Promise<void> => {
  const signal = untilSignal();
  const firstPort = readFirstPort(process.env);
  // Checks here, so that one sentence is printed instead of one from each node.
  requireEtcd();
  checkPolicy();
  await requireFreePortsOfNew(folder, firstPort);
  openDataFolder(folder);
  const lock = lockDataFolder(folder);
  const layout = await openLayout(folder, firstPort);
  // Ends what an earlier run has left, which may hold the ports.
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
      // Whoever takes the file away begins a new cluster, for a restore.
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
  .description('makes what nodes on several machines share, and keeps what exists')
  .option(
    '--nodes <hosts>',
    'three hosts with commas between, each also as HOST:ETCD_PORT:PEER_PORT',
  )
  .option('--kms <arn>', 'the master key is this one of a KMS, and not a file')
  .option('--renew', 'make a new certificate under the same authority')
  .option('--new-authority', 'make a new authority, because the old one leaked')
  .option('--new-cluster', 'begin a new cluster with the same vault, for a restore', false)
  .option('--copy <folder>', 'put what a node needs into this folder')
  .option('--check <file>', 'say whether the file is the master key, and change nothing')
  .action(async (path, { nodes, kms, renew, newAuthority, newCluster, copy, check }) => {
    const folder = resolve(path);
    const clusterFile = join(folder, 'cluster.json');
    if (check !== undefined) {
      checkCopy(clusterFile, check);
      return say(`${check} is the master key of this vault`);
    }
    const { key } = await initCluster({
      ...{ folder, clusterFile, masterKeyId: kms, isNewCluster: newCluster },
      nodes: nodes === undefined ? undefined : nodesOf(nodes),
      renewal: newAuthority ? 'authority' : renew ? 'certificate' : undefined,
    });
    if (copy !== undefined) copyForNodes(folder, resolve(copy));
    say(nextStepsOf(folder, key));
  });

await runProgram(program);
