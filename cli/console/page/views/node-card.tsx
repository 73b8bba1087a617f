/** Shows one node of a vault, or a whole vault that has no nodes. */
import type { ComponentChildren } from 'preact';
import type { ReplyOf } from '../../../../client/types.ts';
import { bytesOf } from '../../../output/bytes.ts';
import { counted } from '../counted.ts';
import { type NodeView, wordsOf } from '../node-answers.ts';

type Status = ReplyOf<'get-status'>;

export const NodeCard = ({ node, report, isServing, state, lag, status }: NodeView) => {
  const { digest, space, etcd, reason, appliedRevision, leader } = report ?? {};
  return (
    <section class="card" aria-labelledby={`node-${node}`} data-node={node}>
      <h2 id={`node-${node}`}>
        Node {node}{' '}
        <span class={isServing ? 'badge stored' : 'badge destroyed'}>{wordsOf(state)}</span>
      </h2>
      <p class="reason">{status && !isServing && reason}</p>
      <dl class={status ? undefined : 'old'}>
        <Fact name="Role">{isServing ? (leader ? 'leader' : 'follower') : undefined}</Fact>
        <Fact name="Revision">{appliedRevision}</Fact>
        <Fact name="Behind by">{lag === 0 ? 'nothing' : lag && counted(lag, 'revision')}</Fact>
        <Fact name="Copy">
          {digest ? `${digest.hash} at revision ${digest.revision}` : report && 'not compared yet'}
        </Fact>
        <Fact name="etcd">{etcd}</Fact>
        <Fact name="Memory">
          {space?.memoryBytes ? `etcd holds ${bytesOf(space.memoryBytes)}` : undefined}
        </Fact>
        <Fact name="Database">
          {space && `${bytesOf(space.dbBytesInUse)} of ${bytesOf(space.quotaBytes)}`}
        </Fact>
        <Fact name="Disk">{space && `${bytesOf(space.diskFreeBytes)} free`}</Fact>
        <Parts status={status} />
      </dl>
    </section>
  );
};

export const VaultCard = ({ status }: { readonly status: Status }) => (
  <section class="card" aria-labelledby="vault">
    <h2 id="vault">
      Vault{' '}
      <span class={status.status === 'ok' ? 'badge stored' : 'badge destroyed'}>
        {status.status === 'ok' ? 'works' : 'degraded'}
      </span>
    </h2>
    <dl>
      <Parts status={status} />
    </dl>
  </section>
);

const Parts = ({ status }: { readonly status: Status | undefined }) => {
  const { store, masterKey, policy } = status ?? {};
  return (
    <>
      <Fact name="Store">
        {store === undefined && '–'}
        {store && (store.reachable ? `answers in ${store.latencyMs} ms` : 'cannot be reached')}
      </Fact>
      <Fact name="Master key">
        {masterKey ? (masterKey.reachable ? 'can be used' : 'cannot be used') : '–'}
        {masterKey?.id && <small title={masterKey.id}> {masterKey.id.slice(0, 8)}</small>}
      </Fact>
      <Fact name="Access policy">
        {policy === undefined && '–'}
        {policy && (policy.digest?.slice(0, 12) ?? `from ${policy.source}`)}
        {policy?.fault && <span class="bad"> {policy.fault}</span>}
      </Fact>
    </>
  );
};

const Fact = ({
  name,
  children,
}: {
  readonly name: string;
  readonly children: ComponentChildren;
}) => (
  <div>
    <dt>{name}</dt>
    <dd>{children ?? '–'}</dd>
  </div>
);
