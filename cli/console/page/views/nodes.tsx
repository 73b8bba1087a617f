import type { LocalReply, NodesReply } from '../../page-documents.ts';
import { Command } from '../buttons.tsx';
import { useLack } from '../caller.ts';
import { isStopped, mergeAnswers, sentencesOf } from '../node-answers.ts';
import { Title } from '../page-title.tsx';
import { usePolling, useQuery } from '../query-hooks.ts';
import { RefusalNotice, StillWaiting } from '../query-status.tsx';
import { act } from '../session.ts';
import { NodeCard, VaultCard } from './node-card.tsx';
import './nodes.css';

const lookEveryMs = 1_000;

/** The state of the vault, updated every second: of its nodes, or of its one store and key. */
export const NodesView = () => {
  const { result: local, refusal: notFound, again: askAgain } = useQuery<LocalReply>(askLocal, []);
  const lacking = useLack('vault:status');
  const { result, refusal, again } = usePolling(askNodes, lookEveryMs);
  const answers = result?.answers ?? [];
  const vault = mergeAnswers(answers);
  const firstRefusal = answers.every(({ status }) => status === null) && answers[0]?.refusal;
  // All parts appear together, because parts that appear one by one would push each other around.
  const isComplete = result !== undefined && (local ?? notFound) !== undefined;
  return (
    <main class="nodes">
      <Title>Nodes</Title>
      <p class="how" role="status">
        {result ? (
          sentencesOf(answers, vault).join(' ')
        ) : (
          <StillWaiting>Asking the nodes…</StillWaiting>
        )}
      </p>
      <RefusalNotice refusal={refusal ?? notFound} again={refusal ? again : askAgain} />
      {isComplete && isStopped(answers) && <HowToStart kind={local?.kind ?? null} />}
      {firstRefusal && !isStopped(answers) && (
        <p class="refused">
          {firstRefusal.detail} <code>{firstRefusal.code}</code>
        </p>
      )}
      {lacking && (
        <p class="refused">
          {lacking} Without it, the vault does not report the state of its nodes and access policy.
        </p>
      )}
      {isComplete && (
        <div class="node-cards">
          {vault.nodes.map((one) => (
            <NodeCard key={one.node} {...one} />
          ))}
          {vault.nodes.length === 0 &&
            answers.map(({ addr, status }) => status && <VaultCard key={addr} status={status} />)}
        </div>
      )}
      {isComplete && !isStopped(answers) && local?.kind === 'start' && <HowToSeeNodes />}
    </main>
  );
};

const askLocal = (signal: AbortSignal): Promise<LocalReply> => act('local', {}, signal);

const askNodes = (signal: AbortSignal): Promise<NodesReply> => act('nodes', {}, signal);

/**
 * What to do when the vault does not answer. The view keeps polling, so it notices when the vault
 * is back.
 */
const HowToStart = ({ kind }: Pick<LocalReply, 'kind'>) => {
  const command = startCommands[kind ?? ''];
  return (
    <div class="empty">
      {command === undefined ? (
        <>
          <p>To find out how far a request from your machine gets, and what to do:</p>
          <Command>dsvault doctor</Command>
          <p>To find out, on the server of the vault, whether the vault runs, and why not:</p>
          <Command>systemctl status vault</Command>
        </>
      ) : (
        <>
          <p>
            Start it again in the folder of the checkout, with the same environment variables as
            before:
          </p>
          <Command>{command}</Command>
        </>
      )}
    </div>
  );
};

const startCommands: Readonly<Record<string, string>> = {
  start: 'npm start',
  cluster: 'npm run cluster',
  sam: 'npm run stack -- sam',
  localstack: 'npm run stack -- localstack',
};

const HowToSeeNodes = () => (
  <div class="empty">
    <p>
      This vault has one store and no nodes. To watch a node die and come back, start a vault with
      three nodes next to it, in the folder of the checkout:
    </p>
    <Command>npm run cluster</Command>
    <p>Then open a console for it in another terminal:</p>
    <Command>./cli/dsvault.js login --local --for cluster --profile cluster</Command>
    <Command>./cli/dsvault.js console --profile cluster</Command>
    <p>In a third terminal, kill a node and start it again:</p>
    <Command>npm run -s cluster -- kill 2</Command>
    <Command>npm run -s cluster -- start 2</Command>
  </div>
);
