import { useEffect, useState } from 'preact/hooks';
import { namesIn } from '../../../system/line-names.ts';
import type { Filter, LogLine } from '../../log-lines.ts';
import type { LocalReply } from '../../replies.ts';
import { refusalOf, useAsking } from '../asking.ts';
import { untold } from '../fields.tsx';
import { Refused, Title, Waiting } from '../parts.tsx';
import { linkTo } from '../routes.ts';
import { act, follow, type Refusal } from '../session.ts';
import { storySentence } from '../story.ts';
import './activity.css';

/** The newest lines that are kept. */
const linesMax = 500;
/** A person is still typing. */
const pauseMs = 300;

/** The log of a vault on this machine, as it comes; with the id of a request, the story of that request. */
export const ActivityView = ({ requestId }: { readonly requestId: string | undefined }) => {
  const { result: local, refusal } = useAsking<LocalReply>(
    (signal) => act('local', {}, signal),
    [],
  );
  return (
    <main class="activity">
      <Title>{requestId === undefined ? 'Activity' : 'The story of a request'}</Title>
      <Refused refusal={refusal} />
      {local?.canRead === false && <Elsewhere local={local} />}
      {local?.canRead && requestId === undefined && <Lines />}
      {local?.canRead && requestId !== undefined && <Story requestId={requestId} />}
    </main>
  );
};

const elsewhere: Readonly<Record<string, string>> = {
  docker: 'docker compose -p vault logs node1',
  sam: 'the terminal of npm run stack -- sam',
};

const Elsewhere = ({ local: { kind } }: { readonly local: LocalReply }) => (
  <p class="empty">
    {kind === null || kind === 'localstack'
      ? 'The log of this vault is not in a file of this checkout. On AWS and LocalStack it is in CloudWatch Logs, in a log group for each operation. On machines of your own it is in the journal of each node.'
      : `The console does not read the log of this vault. It is here: ${elsewhere[kind]}`}
  </p>
);

const Lines = () => {
  const [wanted, setWanted] = useState<Filter>({ isQuiet: true });
  const [isHeld, setHeld] = useState(false);
  const { lines, refusal } = useLines(wanted, isHeld);
  return (
    <>
      <search class="row">
        {fields.map(([field, label]) => (
          <label key={field}>
            {label}{' '}
            <input
              type="search"
              {...untold}
              list={field === 'outcome' ? 'outcomes' : undefined}
              value={wanted[field] ?? ''}
              onInput={({ currentTarget: { value } }) =>
                setWanted({ ...wanted, [field]: value.trim() })
              }
            />
          </label>
        ))}
        <datalist id="outcomes">
          {known.map((one) => (
            <option key={one} value={one} />
          ))}
        </datalist>
        <label>
          <input
            type="checkbox"
            checked={wanted.isQuiet === true}
            onChange={({ currentTarget: { checked } }) =>
              setWanted({ ...wanted, isQuiet: checked })
            }
          />{' '}
          without status questions and test writes
        </label>
        <button type="button" aria-pressed={isHeld} onClick={() => setHeld(!isHeld)}>
          {isHeld ? 'Go on' : 'Hold still'}
        </button>
      </search>
      <Refused refusal={refusal} />
      <Waiting isWaiting={lines === undefined}>Reading the log …</Waiting>
      {lines?.length === 0 && <p>No line of the log matches. New ones appear as they come.</p>}
      {lines && lines.length > 0 && <LineTable lines={[...lines].reverse()} isLinked={true} />}
    </>
  );
};

const fields = [
  ['secret', 'Secret'],
  ['requestId', 'Request id'],
  ['outcome', 'Outcome, decision or code'],
] as const;

const known = [
  ...['ok', 'refused', 'failed', 'created', 'version_written', 'deleted', 'destroyed', 'replayed'],
  ...['refused_exists', 'lost_race', 'try_failed', 'outcome_unknown', 'key_fault'],
  ...['integrity_failure', 'not_found', 'forbidden', 'unauthenticated', 'store_unavailable'],
];

/** The newest matching lines, the oldest first; `undefined` until the log was read. */
const useLines = (wanted: Filter, isHeld: boolean) => {
  const [lines, setLines] = useState<readonly LogLine[]>();
  const [refusal, setRefusal] = useState<Refusal>();
  useEffect(() => {
    if (isHeld) return;
    const left = new AbortController();
    const read = async (): Promise<void> => {
      let isFirst = true;
      const parts = follow<{ lines: readonly LogLine[] }>('activity', wanted, left.signal);
      for await (const { lines: more } of parts) {
        const earlier = isFirst;
        isFirst = false;
        setRefusal(undefined);
        setLines((old = []) => [...(earlier ? [] : old), ...more].slice(-linesMax));
      }
      if (!left.signal.aborted) setRefusal(refusalOf(new Error('The console has ended.')));
    };
    const timer = setTimeout(() => {
      read().catch((error) => !left.signal.aborted && setRefusal(refusalOf(error)));
    }, pauseMs);
    return () => {
      clearTimeout(timer);
      left.abort();
    };
  }, [wanted, isHeld]);
  return { lines, refusal };
};

const columns = ['Time', 'Node', 'Operation', 'Secret', 'Caller', 'Outcome', 'Code', 'ms'];

/** The local time, to the millisecond. */
const timeText = (timestamp: string): string =>
  new Date(timestamp).toLocaleTimeString(undefined, {
    ...{ hour: '2-digit', minute: '2-digit', second: '2-digit', fractionalSecondDigits: 3 },
    hourCycle: 'h23',
  });

const LineTable = ({
  lines,
  isLinked,
}: {
  readonly lines: readonly LogLine[];
  readonly isLinked: boolean;
}) => (
  // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
  <section class="scrolled" aria-label="Lines of the log" tabIndex={0}>
    <table>
      <thead>
        <tr>
          {columns.map((head) => (
            <th key={head} scope="col">
              {head}
            </th>
          ))}
          {isLinked && <th scope="col">Request</th>}
        </tr>
      </thead>
      <tbody>
        {lines.map((line, index) => (
          <LineRow
            key={`${line.timestamp}${line.requestId}${index}`}
            line={line}
            isLinked={isLinked}
          />
        ))}
      </tbody>
    </table>
  </section>
);

const LineRow = ({ line, isLinked }: { readonly line: LogLine; readonly isLinked: boolean }) => {
  const { timestamp, node, operation, tenant, subject, requestId } = line;
  const isBad = line.outcome === 'failed' || line.outcome === 'refused' || !!line.fault;
  return (
    <tr class={line.message}>
      <td>
        <time dateTime={timestamp} title={timestamp}>
          {timeText(timestamp)}
        </time>
      </td>
      <td>{node ?? '–'}</td>
      <td>{operation ?? 'access policy'}</td>
      <td>{namesIn(line)}</td>
      <td>{tenant && `${tenant} / ${subject}`}</td>
      <td class={isBad ? 'bad' : undefined}>
        {line.decision ?? line.outcome ?? line.fault ?? 'used'}
        {line.decisions && <small> {Object.keys(line.decisions).join(' ')}</small>}
      </td>
      <td>
        {line.code}
        {line.cause && <small> {line.cause}</small>}
      </td>
      <td>{line.ms}</td>
      {isLinked && (
        <td>
          {requestId && (
            <a href={linkTo('activity', requestId)}>
              {requestId.slice(0, 8)}
              <span class="hidden">, its story</span>
            </a>
          )}
        </td>
      )}
    </tr>
  );
};

/** All lines of one request, on whichever node they are, in the order of their times. */
const Story = ({ requestId }: { readonly requestId: string }) => {
  const { result, refusal, isWaiting } = useAsking<{ readonly lines: readonly LogLine[] }>(
    (signal) => act('story', { requestId }, signal),
    [requestId],
  );
  const lines = result?.lines ?? [];
  const end = lines.find(({ message }) => message === 'request');
  return (
    <>
      <p>
        <a href={linkTo('activity')}>All activity</a>
      </p>
      <p class="id">
        Request <code>{requestId}</code>
      </p>
      <Refused refusal={refusal} />
      <Waiting isWaiting={isWaiting && result === undefined}>Searching the whole log …</Waiting>
      {result && lines.length === 0 && <p>The log has no line of this request any more.</p>}
      {end && <p class="sentence">{storySentence(end)}</p>}
      {lines.length > 0 && <LineTable lines={lines} isLinked={false} />}
    </>
  );
};
