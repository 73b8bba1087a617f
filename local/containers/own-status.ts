/**
 * Runs inside the container of a node and prints the node's report on itself, which is available on its own network
 * only.
 */

import { failure } from '../../system/failures.ts';
import { readClusterFile } from '../cluster/cluster-file.ts';
import { askNode } from '../cluster/status.ts';
import { runProgram } from '../host/program.ts';
import { addressOf, readNodeConfig } from '../node/config.ts';

const commandLine = {
  name: 'node local/containers/own-status.ts',
  does: 'prints what the node of this container says of itself, as JSON',
  forms: [['', 'npm run cluster -- --docker status asks it in each container']],
  examples: ['docker exec CONTAINER node local/containers/own-status.ts'],
} as const;

await runProgram(commandLine, async () => {
  const config = readNodeConfig(process.env);
  const { peerPort } = addressOf(config, config.node);
  const answer = await askNode(config.peerHost, peerPort, readClusterFile(config.clusterFile));
  if (answer === undefined) throw failure('the node gives no answer');
  process.stdout.write(JSON.stringify(answer));
});
