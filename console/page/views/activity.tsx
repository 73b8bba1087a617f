import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { Filter, LogLine } from '../../../cli/console/log-lines.ts';
import type { LocalReply } from '../../../cli/console/page-documents.ts';
import { namesIn, whyIn } from '../../../system/log-line-names.ts';
import { Command } from '../buttons.tsx';
import { privateText } from '../form-fields.tsx';
import { Title } from '../page-title.tsx';
import { refusalOf, useQuery } from '../query-hooks.ts';
import { QueryStatus, RefusalNotice, Waiting } from '../query-status.tsx';
import { requestStory } from '../request-story.ts';
import { linkTo } from '../routes.ts';
import { act, follow, type Refusal } from '../session.ts';
import { Instant, Table } from '../table.tsx';

const linesMax = 500;
/** The filter applies once a person has not typed for this time. */
const pauseMs = 300;

/**
 * The log of a vault on this machine, as it comes; with the name of a secret, what the log tells of that
 * secret; with the id of a request, the story of that request.
 */
export const ActivityView = ({
  requestId,
  secret,
}: {
  readonly requestId?: string;
  readonly secret?: string;
}) => {
  const search = useQuery<LocalReply>((signal) => act('local', {}, signal), []);
  const { result: local } = search;
  return (
    <main>
      <Title>{requestId === undefined ? 'Activity' : 'The story of a request'}</Title>
      <RefusalNotice refusal={search.refusal} again={search.again} />
      {local?.canRead === false && <Elsewhere kind={local.kind} secret={secret} />}
      {local?.canRead && secret !== undefined && <HoldersOf name={secret} />}
      {local?.canRead && requestId === undefined && <Lines secret={secret} />}
      {local?.canRead && requestId !== undefined && <Story requestId={requestId} />}
    </main>
  );
};

const Elsewhere = ({
  kind,
  secret,
}: Pick<LocalReply, 'kind'> & { readonly secret: string | undefined }) => (
  <div class="empty">
    <p>
      {kind === 'sam'
        ? 'The log of this vault is in the terminal of npm run stack -- sam.'
        : 'The log of this vault is not in a file of this checkout. On AWS and LocalStack it is in CloudWatch Logs, in a log group for each operation. On machines of your own it is in the journal of each node, and docker compose logs shows that of containers.'}
    </p>
    {secret !== undefined && (
      <>
        <p>
          These commands ask such a log who has which version of {secret}, and who read it when:
        </p>
        <Command>{`dsvault log holders ${secret} --aws vault`}</Command>
        <Command>{`dsvault log reads ${secret} --file log`}</Command>
      </>
    )}
  </div>
);

/** Who has read the secret, and in which version. A caller may be many programs, so no version is free of holders. */
const HoldersOf = ({ name }: { readonly name: string }) => {
  type HolderLines = { readonly lines: readonly string[] };
  const search = useQuery<HolderLines>((signal) => act('holders', { name }, signal), [name]);
  return (
    <>
      <QueryStatus of={search}>Searching the whole log …</QueryStatus>
      <ul aria-label="Who has read which version">
        {search.result?.lines.map((line) => (
          <li key={line}>{line}</li>
        ))}
      </ul>
    </>
  );
};

const Lines = ({ secret }: { readonly secret: string | undefined }) => {
  const [wanted, setWanted] = useState<Filter>({ isQuiet: true, ...(secret && { secret }) });
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
              {...privateText}
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
      <RefusalNotice refusal={refusal} />
      <Waiting isWaiting={lines === undefined}>Reading the log …</Waiting>
      {lines?.length === 0 && <p>No line of the log matches. New ones appear as they come.</p>}
      {lines && lines.length > 0 && (
        <LineTable
          label="Requests, the newest first"
          lines={withoutRepeats(lines).toReversed()}
          isLinked={true}
        />
      )}
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

/** A vault without nodes has no column for them, and a story no links to itself. */
const LineTable = ({
  label,
  lines,
  isLinked,
}: {
  readonly label: string;
  readonly lines: readonly LogLine[];
  readonly isLinked: boolean;
}) => {
  const hasNodes = lines.some(({ node }) => node !== null);
  const shown = columns.filter(
    ({ title }) => (hasNodes || title !== 'Node') && (isLinked || title !== 'Request'),
  );
  return (
    <Table
      label={label}
      columns={shown.map(({ title }) => title)}
      rows={lines.map((line, index) => ({
        key: `${line.timestamp}${line.requestId}${index}`,
        cells: shown.map(({ cell }) => cell(line)),
      }))}
    />
  );
};

type Column = { readonly title: string; readonly cell: (line: LogLine) => ComponentChildren };

const columns: readonly Column[] = [
  { title: 'Time', cell: ({ timestamp }) => <Instant isExact at={timestamp} /> },
  { title: 'Node', cell: ({ node }) => node },
  { title: 'Operation', cell: ({ operation }) => operation ?? 'access policy' },
  { title: 'Secret', cell: namesIn },
  { title: 'Caller', cell: ({ tenant, subject }) => tenant && `${tenant} / ${subject}` },
  { title: 'Outcome', cell: (line) => <OutcomeOf {...line} /> },
  { title: 'ms', cell: ({ ms }) => ms },
  {
    title: 'Request',
    cell: ({ requestId }) =>
      requestId && (
        <a href={linkTo('activity', requestId)}>
          {requestId.slice(0, 8)}
          <span class="hidden">, its story</span>
        </a>
      ),
  },
];

/** How a request ended, and what was decided for it. */
const OutcomeOf = (line: LogLine) => {
  const { outcome, fault, code, cause, decision, decisions } = line;
  const why = whyIn(line);
  const isBad = outcome === 'failed' || outcome === 'refused' || !!fault;
  const outcomes = [decision ?? outcome ?? fault ?? 'used', ...Object.keys(decisions ?? {})];
  return (
    <span class={isBad ? 'bad' : undefined}>
      {[...outcomes, ...(code ? [code] : [])].join(', ')}
      {why && <small> {why}</small>}
      {cause && <small> {cause}</small>}
    </span>
  );
};

/** The lines but for the early lines of decisions that the line of their request counts. */
const withoutRepeats = (lines: readonly LogLine[]): readonly LogLine[] => {
  const counted = new Set(
    lines.flatMap(({ decisions, requestId }) => (decisions ? requestId : [])),
  );
  return lines.filter(
    ({ message, requestId }) => message !== 'decision' || !counted.has(requestId),
  );
};

/** All lines of one request, on whichever node they are, in the order of their times. */
const Story = ({ requestId }: { readonly requestId: string }) => {
  const search = useQuery<{ readonly lines: readonly LogLine[] }>(
    (signal) => act('story', { requestId }, signal),
    [requestId],
  );
  const lines = search.result?.lines ?? [];
  const end = lines.find(({ message }) => message === 'request');
  return (
    <>
      <p>
        <a href={linkTo('activity')}>All activity</a>
      </p>
      <p>
        Request <code>{requestId}</code>
      </p>
      <QueryStatus of={search}>Searching the whole log …</QueryStatus>
      {search.result && lines.length === 0 && <p>The log has no line of this request any more.</p>}
      {end && <p>{requestStory(end)}</p>}
      {lines.length > 0 && <LineTable label="Lines of the log" lines={lines} isLinked={false} />}
    </>
  );
};
