/**
 * `npm run cluster`: a vault of three nodes on this machine, at http://127.0.0.1:3001 to 3003, and the master key they
 * share. With a command (`status`, `kill 2`, …) it sends the command to the running cluster. With `--docker` the
 * cluster runs in containers.
 */
import { generateKeyPairSync } from 'node:crypto';
import { policyVariable } from '../../functions/runtime/config.ts';
import { type Command, commandLine, readCommand } from '../cluster/commands.ts';
import { sendCommand, startControl } from '../cluster/control.ts';
import {
  type Layout,
  openLayout,
  readFirstPort,
  requireFreePortsOfNew,
} from '../cluster/layout.ts';
import { createCluster } from '../cluster/processes.ts';
import { containerCluster } from '../containers/cluster.ts';
import { readPolicyFile } from '../host/access-policy.ts';
import {
  dataFolderOf,
  folderSetting,
  lockDataFolder,
  openDataFolder,
  root,
  shellWord,
} from '../host/data-folder.ts';
import { untilSignal } from '../host/ending.ts';
import { runProgram, unknownWords } from '../host/program.ts';
import { requireEtcd } from '../node/member.ts';

const say = (line: string): void => void process.stdout.write(`${line}\n`);
const report = (line: string): void => void process.stderr.write(`${line}\n`);

/** Tells how to go on from a second terminal; `setting` stands before each command. */
const nextSteps = (setting: string, kind: 'cluster' | 'docker'): string => {
  const command = `${setting}npm run -s cluster --${kind === 'docker' ? ' --docker' : ''}`;
  const dsvault = `${setting}./cli/dsvault.js`;
  return `a token to try it: ${setting}npm run -s token -- --for ${kind} --tenant demo --sub you
the state of the nodes: ${command} status
to make a node fail: ${command} kill|start|stop|pause|resume|isolate|heal|wipe N
to look at it in a browser: ${dsvault} login --local --for ${kind} --profile ${kind} && ${dsvault} console --profile ${kind}`;
};

const greet = ({ folder, nodes }: Layout, serving: readonly number[]): void => {
  const urls = nodes.map(({ port }) => `http://127.0.0.1:${port}`);
  for (const { node, folder: own } of nodes) {
    if (!serving.includes(node)) report(`node ${node} does not serve: see ${own}/log`);
  }
  // The text is one write, so that nobody reads half of it.
  const next = nextSteps(folderSetting(process.env, folder), 'cluster');
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

/**
 * Runs a command on the cluster in containers. Docker keeps the containers running, so this process ends after the
 * command.
 */
const runDocker = async (command: Command | 'down' | undefined, isDataToGo: boolean) => {
  const name = process.env['COMPOSE_PROJECT_NAME'] || 'vault';
  const cluster = containerCluster({ root, name, say });
  if (command === 'down') return await cluster.down(isDataToGo);
  if (command !== undefined) return say(await cluster.run(command));
  checkPolicy();
  const urls = await cluster.up();
  const settings = ['COMPOSE_PROJECT_NAME', 'CLUSTER_PORT'].flatMap((variable) => {
    const value = process.env[variable];
    return value ? `${variable}=${shellWord(value)} ` : [];
  });
  say(`cluster listening on ${urls.join(' ')}\n${nextSteps(settings.join(''), 'docker')}`);
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
  const cluster = await createCluster(root, layout, report);
  const control = await startControl(folder, cluster.run, report);
  try {
    const serving = await Promise.race([cluster.start(), signal]);
    if (serving !== undefined) {
      greet(layout, serving);
      await signal;
    }
  } finally {
    await control.close();
    await cluster.close();
    lock.release();
  }
};

await runProgram(commandLine, async (asked) => {
  const { words, options } = asked;
  const isDown = words[0] === 'down' && options.docker === true;
  if (isDown && (words.length > 1 || options.json)) throw unknownWords(words);
  if (isDown) return await runDocker('down', options.data === true);
  if (options.docker) return await runDocker(readCommand(asked), false);
  const folder = dataFolderOf(process.env, '.local/cluster');
  const command = readCommand(asked);
  if (command === undefined) await serve(folder);
  else say(await sendCommand(folder, command));
});
