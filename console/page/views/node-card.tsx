/** One node of a vault, or the whole of a vault that has no nodes. */
import type { ComponentChildren } from 'preact';
import { bytesOf } from '../../../cli/output/bytes.ts';
import type { ReplyOf } from '../../../client/types.ts';
import { counted } from '../counted.ts';
import { lineOf } from '../graphs.ts';
import { type NodeView, wordsOf } from '../node-answers.ts';

type Status = ReplyOf<'get-status'>;
type PartsProps = { readonly status: Status | undefined; readonly latencies: readonly number[] };

export const NodeCard = ({
  shown,
  latencies,
  children,
}: {
  readonly shown: NodeView;
  readonly latencies: readonly number[];
  readonly children?: ComponentChildren;
}) => {
  const { node, report, isServing, isIsolated, state, lag, status } = shown;
  const { digest, space, etcd, reason, appliedRevision, leader } = report ?? {};
  return (
    <section class="card" aria-labelledby={`node-${node}`} data-node={node}>
      <h2 id={`node-${node}`}>
        Node {node}{' '}
        <span class={isServing ? 'badge stored' : 'badge destroyed'}>{wordsOf(state)}</span>
      </h2>
      <p class="reason">
        {isIsolated && 'It is cut off from the other nodes. '}
        {status && !isServing && reason}
      </p>
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
          {space && `${bytesOf(space.dbBytes)} of ${bytesOf(space.quotaBytes)}`}
        </Fact>
        <Fact name="Disk">{space && `${bytesOf(space.diskFreeBytes)} free`}</Fact>
        <Parts status={status} latencies={latencies} />
      </dl>
      {children}
    </section>
  );
};

export const VaultCard = ({ status, latencies }: PartsProps & { readonly status: Status }) => (
  <section class="card" aria-labelledby="vault">
    <h2 id="vault">
      Vault{' '}
      <span class={status.status === 'ok' ? 'badge stored' : 'badge destroyed'}>
        {status.status === 'ok' ? 'works' : 'degraded'}
      </span>
    </h2>
    <dl>
      <Parts status={status} latencies={latencies} />
    </dl>
  </section>
);

/** The store, the master key and the access policy of a vault or a node. */
const Parts = ({ status, latencies }: PartsProps) => {
  const { store, masterKey, policy } = status ?? {};
  return (
    <>
      <Fact name="Store">
        {store === undefined && '–'}
        {store && (store.reachable ? `answers in ${store.latencyMs} ms` : 'cannot be reached')}
        <svg
          class="latencies"
          viewBox={`0 0 ${width} ${height}`}
          preserveAspectRatio="none"
          aria-hidden="true"
        >
          <polyline points={lineOf(latencies, width, height, count)} />
        </svg>
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

/** The graph of the latencies, in its own units, and how many it shows. */
const [width, height, count] = [120, 24, 60];
