import type { ReplyOf } from '../../client/types.ts';
import { endsSoon } from '../../functions/model/types.ts';
import { exitCodes } from '../../system/failures.ts';
import { bytesOf } from '../output/bytes.ts';
import { printJson, printTable } from '../output/output.ts';
import { openSession } from '../requests/vault-client.ts';
import { vaultCommand } from './command-line.ts';

export const statusCommand = () =>
  vaultCommand(
    'status',
    'tell whether the vault can use its store and its master key',
    'dsvault status',
    'dsvault status --json',
  ).action(async ({ json, ...flags }) => {
    const { client } = openSession(flags);
    const status = await client('get-status');
    if (json) await printJson(status);
    else await printTable(['PART', 'STATE', 'ABOUT'], statusRows(status));
    process.exitCode = statusExitCode(status);
  });

type Status = ReplyOf<'get-status'>;

export const statusExitCode = ({ store, masterKey }: Status): number => {
  if (!store.reachable) return exitCodes.unavailable;
  return masterKey.reachable ? exitCodes.ok : exitCodes.masterKey;
};

/**
 * Says where to see whether the master key is disabled, because the status does not say why the key
 * cannot be used.
 */
const lookAtKey =
  'is it disabled? On its machine, npm run -s node -- host/bin/key.ts status tells; in a KMS, aws kms describe-key';

/** The table of a status. A policy that is refused has a row for each of its faults. */
export const statusRows = (answer: Status): string[][] => {
  const { status, version, commit, store, masterKey, policy, node } = answer;
  const about = [version, commit && `commit ${commit}`, node && `as node ${node.node} knows it`];
  const state = (reachable: boolean) => (reachable ? 'ok' : 'cannot be used');
  const rows = [
    ['vault', status, about.filter(Boolean).join(', ')],
    ['store', state(store.reachable), `${store.latencyMs} ms`],
    [
      'master key',
      state(masterKey.reachable),
      masterKey.reachable ? (masterKey.id ?? '') : lookAtKey,
    ],
  ];
  if (policy) {
    const faults = policy.fault?.split('\n') ?? [];
    const use = faults.length > 0 ? 'old' : 'ok';
    rows.push(['access policy', use, `${policy.source}, since ${policy.since}`]);
    rows.push(...faults.map((fault) => ['', '', fault]));
  }
  if (node) {
    rows.push(['copies', node.equal ? 'ok' : 'THEY DIFFER', '']);
    rows.push(...node.nodes.map(nodeRow));
  }
  return rows;
};

type NodeStatus = NonNullable<Status['node']>['nodes'][number];

const nodeRow = (one: NodeStatus): string[] => {
  const { dbBytesInUse, quotaBytes, memoryBytes } = one.space ?? {};
  const about = [
    one.leader ? 'leads' : 'follows',
    `revision ${one.appliedRevision}, ${one.lag} behind`,
    ...(one.etcd ? [`etcd ${one.etcd}`] : []),
    ...(memoryBytes ? [`memory ${bytesOf(memoryBytes)}`] : []),
    ...(dbBytesInUse && quotaBytes
      ? [`database ${bytesOf(dbBytesInUse)} of ${bytesOf(quotaBytes)}`]
      : []),
    ...(one.masterKey && one.masterKey !== 'usable' ? [`master key ${one.masterKey}`] : []),
    ...(endsSoon(one.certificateEndsAt) ? [`certificate ends at ${one.certificateEndsAt}`] : []),
    ...(one.reason ? [one.reason] : []),
  ];
  return [`node ${one.node}`, one.alive ? one.state : 'no answer', about.join(', ')];
};
