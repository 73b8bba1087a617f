/**
 * `npm run cluster`: a vault of three nodes on this machine, at http://127.0.0.1:3001 to 3003. With a command (`status`,
 * `kill 2`, …) it sends the command to the running cluster. `init` makes the files of a cluster on several machines.
 */
import { generateKeyPairSync } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { endsSoon } from '../../functions/model/types.ts';
import { policyVariable } from '../../functions/runtime/config.ts';
import { type ClusterOptions, commandLine, readCommand } from '../cluster/commands.ts';
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
  root,
} from '../process/data-folder.ts';
import { untilSignal } from '../process/ending.ts';
import { forgetCluster, rememberCluster } from '../process/process-record.ts';
import { runProgram, unknownWords } from '../process/program.ts';

const say = (line: string): void => void process.stdout.write(`${line}\n`);
const report = (line: string): void => void process.stderr.write(`${line}\n`);

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

/** Makes what the nodes of a cluster share, or compares a copy of its key, and says how to go on. */
const init = async (words: readonly string[], options: ClusterOptions): Promise<void> => {
  const [given, ...rest] = words;
  if (given === undefined || rest.length > 0) throw unknownWords(words);
  const folder = resolve(given);
  const clusterFile = join(folder, 'cluster.json');
  if (options.check !== undefined) {
    checkCopy(clusterFile, options.check);
    return say(`${options.check} is the master key of this vault`);
  }
  const { key } = await initCluster({
    ...{ folder, clusterFile, masterKeyId: options.kms },
    nodes: options.nodes === undefined ? undefined : nodesOf(options.nodes),
    renewal: options['new-authority'] ? 'authority' : options.renew ? 'certificate' : undefined,
    isNewCluster: options['new-cluster'] === true,
  });
  if (options.copy !== undefined) copyForNodes(folder, resolve(options.copy));
  say(nextStepsOf(folder, key));
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
  const cluster = await createCluster(root, layout, report);
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
    rememberCluster(folder, {});
    control = await startControl(folder, cluster.run, report);
    const serving = await Promise.race([cluster.start(), signal]);
    if (serving !== undefined) {
      greet(layout, serving);
      await signal;
    }
  } finally {
    await control?.close();
    await cluster.close();
    forgetCluster(folder);
    lock.release();
  }
};

await runProgram(commandLine, async (asked) => {
  const { words, options } = asked;
  if (words[0] === 'init') return await init(words.slice(1), options);
  const folder = dataFolderOf(process.env, '.local/cluster');
  const command = readCommand(asked);
  if (command === undefined) await serve(folder);
  else say(await sendCommand(folder, command));
});
