/**
 * `npm run cluster -- init FOLDER` creates the files that the nodes of a cluster on several
 * machines share, and says where to copy them.
 */
import { join, resolve } from 'node:path';
import { masterKeyFile } from '../kms/key-file.ts';
import type { ClusterFile } from '../node/cluster-file.ts';
import { checkCopy, copyForNodes, initCluster, nodesOf } from '../node/init.ts';
import { newProgram, runProgram, say } from '../process/program.ts';

/** Returns the text that says after `init` which file must be copied where. */
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

const program = newProgram(
  'npm run cluster -- init',
  'creates what nodes on several machines share, and keeps what exists',
  [
    'npm run -s cluster -- init ./vault-cluster --nodes 10.0.0.1,10.0.0.2,10.0.0.3',
    'npm run -s cluster -- init ./vault-cluster --renew --copy ./for-nodes',
  ],
)
  .argument('<folder>', 'keeps the authority of the certificates and the key that signs tokens')
  .option(
    '--nodes <hosts>',
    'three hosts separated by commas, each as HOST or HOST:ETCD_PORT:PEER_PORT',
  )
  .option('--kms <arn>', 'use this master key in a KMS instead of a file')
  .option('--renew', 'issue a new certificate from the same authority')
  .option('--new-authority', 'create a new authority, because the old one has leaked')
  .option('--new-cluster', 'begin a new cluster with the same vault, for a restore', false)
  .option('--copy <folder>', 'copy what a node needs into this folder')
  .option('--check <file>', 'check whether the file is the master key, and change nothing')
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
