/** Runs inside the container of a node: prints what the node says of itself, which it tells on its own network only. */
import { readClusterFile } from '../cluster/cluster-file.ts';
import { askNode } from '../cluster/status.ts';
import { failure, runCommand } from '../command.ts';
import { readNodeConfig } from '../replica/config.ts';
import { addressOf } from '../replica/peers.ts';

await runCommand(async () => {
  const config = readNodeConfig(process.env);
  const { peerPort } = addressOf(config, config.node);
  const { secret } = readClusterFile(config.clusterFile);
  const answer = await askNode(peerPort, secret, config.peerHost);
  if (answer === undefined) throw failure('the node gives no answer');
  process.stdout.write(JSON.stringify(answer));
});
