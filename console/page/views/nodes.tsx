import { useEffect, useRef, useState } from 'preact/hooks';
import {
  type LocalReply,
  type NodeAnswer,
  type NodeChange,
  type NodesReply,
  nodeChanges,
} from '../../../cli/console/page-documents.ts';
import { useAnnounce } from '../announcer.tsx';
import { Command } from '../buttons.tsx';
import { useLack } from '../caller.ts';
import { Dialog } from '../dialog.tsx';
import { consequences, isPossible, mergeAnswers, sentencesOf, wordsOf } from '../node-answers.ts';
import { Title } from '../page-title.tsx';
import { useAction, usePolling, useQuery } from '../query-hooks.ts';
import { RefusalNotice, StillWaiting, Waiting } from '../query-status.tsx';
import { act } from '../session.ts';
import { NodeCard, VaultCard } from './node-card.tsx';
import './nodes.css';
import { markChange, TestWritesPart } from './test-writes.tsx';

const lookEveryMs = 1_000;
/** The latencies of the last minutes are kept for a small graph. */
const latenciesKept = 60;

/**
 * The state of the vault, each second: of its nodes, or of its one store and key. A cluster of this machine
 * has buttons that change its nodes.
 */
export const NodesView = () => {
  const { result: local, refusal: notFound, again: askAgain } = useQuery<LocalReply>(askLocal, []);
  const lacking = useLack('vault:status');
  const { result, refusal, again } = usePolling(askNodes, lookEveryMs);
  const answers = result?.answers ?? [];
  const latencies = useLatencies(answers);
  const processes = result?.processes ?? undefined;
  const [dialog, setDialog] = useState<{ readonly change: NodeChange; readonly node: number }>();
  const vault = mergeAnswers(answers, processes);
  const firstRefusal = answers.every(({ status }) => status === null) && answers[0]?.refusal;
  // Parts that appeared one by one would move each other.
  const isComplete = result !== undefined && (local ?? notFound) !== undefined;
  return (
    <main class="nodes">
      <Title>Nodes</Title>
      <p class="how" role="status">
        {result ? (
          sentencesOf(answers, vault).join(' ')
        ) : (
          <StillWaiting>Asking the nodes …</StillWaiting>
        )}
      </p>
      <RefusalNotice refusal={refusal ?? notFound} again={refusal ? again : askAgain} />
      {firstRefusal && (
        <p class="refused">
          {firstRefusal.detail} <code>{firstRefusal.code}</code>
        </p>
      )}
      {lacking && (
        <p class="refused">
          {lacking} So the vault does not tell how its nodes and its access policy are.
        </p>
      )}
      {isComplete && (
        <div class="node-cards">
          {vault.nodes.map((one) => (
            <NodeCard key={one.node} shown={one} latencies={latencies.get(one.node) ?? []}>
              {local?.canChange && (
                <fieldset>
                  <legend>What to do to node {one.node}</legend>
                  {nodeChanges
                    .filter((change) => isPossible(change, one.node, processes))
                    .map((change) => (
                      <button
                        key={change}
                        type="button"
                        onClick={() => setDialog({ change, node: one.node })}
                      >
                        {titleOf(change)}
                        <span class="hidden"> node {one.node}</span>
                      </button>
                    ))}
                </fieldset>
              )}
            </NodeCard>
          ))}
          {vault.nodes.length === 0 &&
            answers.map(
              ({ addr, status }) =>
                status && (
                  <VaultCard key={addr} status={status} latencies={latencies.get(0) ?? []} />
                ),
            )}
        </div>
      )}
      {isComplete && local && <Elsewhere local={local} />}
      {isComplete && local?.canChange && <TestWritesPart />}
      {dialog && (
        <ChangeDialog
          {...dialog}
          onClose={() => setDialog(undefined)}
          state={vault.nodes.find(({ node }) => node === dialog.node)?.state}
          onDone={() => {
            markChange(`${dialog.change} ${dialog.node}`);
            void again();
          }}
        />
      )}
    </main>
  );
};

const titleOf = (change: NodeChange): string =>
  `${change.charAt(0).toUpperCase()}${change.slice(1)}`;

const askLocal = (signal: AbortSignal): Promise<LocalReply> => act('local', {}, signal);

const askNodes = (signal: AbortSignal): Promise<NodesReply> => act('nodes', {}, signal);

/** The latest latencies of the store by node, 0 for a vault without nodes. */
const useLatencies = (answers: readonly NodeAnswer[]): ReadonlyMap<number, readonly number[]> => {
  const kept = useRef(new Map<number, readonly number[]>());
  const last = useRef<readonly NodeAnswer[]>([]);
  if (last.current !== answers) {
    last.current = answers;
    for (const { status } of answers) {
      if (status === null) continue;
      const node = status.node?.node ?? 0;
      const earlier = kept.current.get(node) ?? [];
      kept.current.set(node, [...earlier, status.store.latencyMs].slice(-latenciesKept));
    }
  }
  return kept.current;
};

const Elsewhere = ({ local }: { readonly local: LocalReply }) => {
  if (local.kind === null) {
    return (
      <p class="empty">
        This vault was not started from this checkout on this machine. The console only shows how it
        is: it cannot control its nodes, and makes no test writes.
      </p>
    );
  }
  if (local.kind === 'start') {
    return (
      <div class="empty">
        <p>
          This vault has one store and no nodes. To watch a node die and come back, run a vault of
          three nodes beside it, in the folder of the checkout:
        </p>
        <Command>npm run cluster</Command>
        <p>Then open a console for it, in another terminal:</p>
        <Command>./cli/dsvault.js login --local --for cluster --profile cluster</Command>
        <Command>./cli/dsvault.js console --profile cluster --faults</Command>
      </div>
    );
  }
  if (local.kind === 'cluster' && !local.canChange) {
    return (
      <p class="empty">
        This console changes no node. A console that was started with <code>--faults</code> has
        buttons that make nodes of this machine fail, and makes test writes.
      </p>
    );
  }
  return null;
};

/** Says what a change will do, and does it if the person still wants it. */
const ChangeDialog = ({
  change,
  node,
  state,
  onClose,
  onDone,
}: {
  readonly change: NodeChange;
  readonly node: number;
  /** The state of the node now. */
  readonly state: string | undefined;
  readonly onClose: () => void;
  readonly onDone: () => void;
}) => {
  const { begin, isBusy, refusal } = useAction();
  const announce = useAnnounce();
  const isOpen = useRef(true);
  useEffect(
    () => () => {
      isOpen.current = false;
    },
    [],
  );
  const { data, callers } = consequences[change];
  const begun = () =>
    begin(async () => {
      await act('change-node', { action: change, node });
      announce(`${titleOf(change)} node ${node}: done. Its card shows how it goes on.`);
      onDone();
      if (isOpen.current) onClose();
    });
  return (
    <Dialog title={`${titleOf(change)} node ${node}?`} onClose={onClose}>
      <dl>
        <dt>The data</dt>
        <dd>{data}</dd>
        <dt>Callers</dt>
        <dd>{callers}</dd>
      </dl>
      <RefusalNotice refusal={refusal} />
      <Waiting isWaiting={isBusy}>
        The cluster is doing it, also if you close this: it does a change to its end. Node {node}{' '}
        now: {wordsOf(state ?? 'no answer')}.
      </Waiting>
      <p class="buttons">
        <button type="button" onClick={onClose}>
          {refusal || isBusy ? 'Close' : 'Leave it'}
        </button>
        <button
          type="button"
          class={change === 'wipe' ? 'danger' : 'main'}
          disabled={isBusy}
          onClick={begun}
        >
          {titleOf(change)} node {node}
        </button>
      </p>
    </Dialog>
  );
};
