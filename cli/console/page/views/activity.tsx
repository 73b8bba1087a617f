import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { namesIn, type SoughtNames, whyIn } from '../../../../system/log-line-names.ts';
import type { Filter, LogLine } from '../../log-lines.ts';
import type { LocalReply } from '../../page-documents.ts';
import { Command } from '../buttons.tsx';
import { privateText } from '../form-fields.tsx';
import { Title } from '../page-title.tsx';
import { refusalOf, useQuery } from '../query-hooks.ts';
import { QueryStatus, RefusalNotice, Waiting } from '../query-status.tsx';
import { requestStory } from '../request-story.ts';
import { linkTo } from '../routes.ts';
import { act, follow, type Refusal } from '../session.ts';
import { Instant, Table } from '../table.tsx';
import { HoldersOf } from './holders.tsx';

const linesMax = 500;
/** The filter applies when a person has not typed for this long. */
const pauseMs = 300;

/**
 * The log of a vault on this machine, as it grows. With `secret`, only what concerns that secret;
 * with `requestId`, the story of that request.
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
      <Title>{titleOf(requestId, secret)}</Title>
      <RefusalNotice refusal={search.refusal} again={search.again} />
      {local?.canRead === false && <Elsewhere kind={local.kind} secret={secret} />}
      {local?.canRead && secret !== undefined && (
        <>
          <HoldersOf name={secret} />
          <h2>Requests for {secret}</h2>
        </>
      )}
      {local?.canRead && requestId === undefined && <Lines name={secret} />}
      {local?.canRead && requestId !== undefined && <Story requestId={requestId} />}
    </main>
  );
};

const titleOf = (requestId: string | undefined, secret: string | undefined): string => {
  if (requestId !== undefined) return 'The story of a request';
  return secret === undefined ? 'Activity' : `Who read ${secret}?`;
};

const Elsewhere = ({
  kind,
  secret,
}: Pick<LocalReply, 'kind'> & { readonly secret: string | undefined }) => (
  <div class="empty">
    <p>
      {kind === 'sam'
        ? 'This vault logs to the terminal where npm run stack -- sam runs.'
        : 'The console cannot read the log of this vault. On AWS and LocalStack, it is in CloudWatch Logs, in one log group per operation. On your own machines, it is in the journal of each node. For containers, docker compose logs shows it.'}
    </p>
    {secret !== undefined && (
      <>
        <p>
          These commands find in such a log who has which version of {secret}, and who read it when:
        </p>
        <Command>{`dsvault log holders ${secret} --aws vault`}</Command>
        <Command>{`dsvault log reads ${secret} --file log`}</Command>
      </>
    )}
  </div>
);

/** The newest lines, with fields to search them. With `name`, only those of this secret. */
const Lines = ({ name }: { readonly name: string | undefined }) => {
  const [wanted, setWanted] = useState<Filter>({ isQuiet: true, ...(name && { name }) });
  const [isHeld, setHeld] = useState(false);
  const { lines, refusal } = useLines(wanted, isHeld);
  return (
    <>
      <search class="row">
        {fields.slice(name === undefined ? 0 : 1).map(([field, label]) => (
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
          Hide lists and status requests
        </label>
        <button type="button" aria-pressed={isHeld} onClick={() => setHeld(!isHeld)}>
          {isHeld ? 'Resume' : 'Pause'}
        </button>
      </search>
      <RefusalNotice refusal={refusal} />
      <Waiting isWaiting={lines === undefined}>Reading the log…</Waiting>
      {lines?.length === 0 && (
        <p>No line of the log matches. New lines appear as they are written.</p>
      )}
      {lines && lines.length > 0 && (
        <LineTable
          label="Requests, the newest first"
          lines={withoutRepeats(lines).toReversed()}
          isLinked={true}
          sought={wanted}
        />
      )}
    </>
  );
};

/** `secret` is the first, because the view of one secret leaves it out. */
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

/** The newest matching lines, oldest first; `undefined` until the log has been read. */
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

/**
 * A table of log lines. It has no column for the node if the vault has no nodes. `isLinked` says
 * whether it has a column that links to the story of each request. Names that are `sought` come
 * first in their cells.
 */
const LineTable = ({
  label,
  lines,
  isLinked,
  sought = {},
}: {
  readonly label: string;
  readonly lines: readonly LogLine[];
  readonly isLinked: boolean;
  readonly sought?: SoughtNames;
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
        cells: shown.map(({ cell }) => cell(line, sought)),
      }))}
    />
  );
};

type Column = {
  readonly title: string;
  readonly cell: (line: LogLine, sought: SoughtNames) => ComponentChildren;
};

const columns: readonly Column[] = [
  { title: 'Time', cell: ({ timestamp }) => <Instant at={timestamp} /> },
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

/**
 * Removes each line `decision` of a request whose line `request` is there too, because the latter
 * lists all decisions of the request.
 */
const withoutRepeats = (lines: readonly LogLine[]): readonly LogLine[] => {
  const counted = new Set(
    lines.flatMap(({ decisions, requestId }) => (decisions ? requestId : [])),
  );
  return lines.filter(
    ({ message, requestId }) => message !== 'decision' || !counted.has(requestId),
  );
};

/** The lines of one request from the logs of all nodes, sorted by time. */
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
      <QueryStatus of={search}>Searching the whole log…</QueryStatus>
      {search.result && lines.length === 0 && (
        <p>The log no longer has any line of this request.</p>
      )}
      {end && <p>{requestStory(end)}</p>}
      {lines.length > 0 && <LineTable label="Lines of the log" lines={lines} isLinked={false} />}
    </>
  );
};
