/** The questions that a vault's log answers, line by line and with a bounded number of rows. */
import { countsIn, namesIn, whyFields, whyIn } from '../../system/log-line-names.ts';
import type { LogLine } from '../../system/log-lines.ts';
import { type Coverage, isAfter, type Range, readLogs, versionsOf } from './log-reading.ts';

/** One row of an answer: an object for `--json`, with the time of its line, and cells for a table. */
type Row = { readonly timestamp: string };
type Entry = { readonly row: Row; readonly cells: () => readonly string[] };

export type Question = {
  /** Texts that each line with an answer contains, so that a search can look for them first. */
  readonly holds: readonly string[];
  readonly head: readonly string[];
  readonly entriesOf: (line: LogLine) => readonly Entry[];
  /** Shows the oldest entry first. */
  readonly inOrder?: true;
  /** Only `reads` can say when something was last read, and which lines may keep a reading to themselves. */
  readonly readings?: {
    readonly isReading: (row: Row) => boolean;
    readonly isUnnamed: (line: LogLine) => boolean;
  };
};

export type Answer = Coverage & {
  /** The newest entries, the oldest of them first. */
  readonly entries: readonly Entry[];
  /** The number of all entries, also of those that are left out. */
  readonly total: number;
  /** The last reading that succeeded; `null` if there is none. */
  readonly lastRead: Row | null;
  /** Requests that opened values but, logged by an earlier version, do not say which. */
  readonly unnamed: number;
};

const entriesMax = 10_000;

/** Asks the lines of all logs. Their order does not matter. */
export const ask = async (
  { entriesOf, readings }: Question,
  logs: readonly AsyncIterable<string>[],
  range: Range,
): Promise<Answer> => {
  let entries: readonly Entry[] = [];
  let fresh: Entry[] = [];
  let [total, unnamed] = [0, 0];
  let lastRead: Row | null = null;
  const merge = (): void => {
    entries = [...entries, ...fresh].sort(byTime).slice(-entriesMax);
    fresh = [];
  };
  const coverage = await readLogs(logs, range, (line) => {
    if (readings?.isUnnamed(line)) unnamed += 1;
    for (const entry of entriesOf(line)) {
      total += 1;
      const { row } = entry;
      if (readings?.isReading(row) && (!lastRead || isAfter(row, lastRead))) lastRead = row;
      if (fresh.push(entry) >= entriesMax) merge();
    }
  });
  merge();
  return { entries, total, lastRead, ...coverage, unnamed };
};

const byTime = (one: Entry, other: Entry): number =>
  Date.parse(one.row.timestamp) - Date.parse(other.row.timestamp);

const pick = <Key extends keyof LogLine>(line: LogLine, ...keys: readonly Key[]) =>
  Object.fromEntries(keys.map((key) => [key, line[key]])) as Pick<LogLine, Key>;

/** Every row says this of its request. */
const factsOf = (line: LogLine) => ({
  ...pick(line, 'timestamp', 'tenant', 'subject', 'issuer', 'rule', 'operation', 'outcome'),
  ...pick(line, 'status', 'code', 'requestId'),
});
type Facts = ReturnType<typeof factsOf>;

/** An absent fact is a dash: an unknown caller has no tenant, for example. */
const cell = (fact: string | number | undefined): string => String(fact ?? '-');
const callerHead = ['TENANT', 'SUBJECT', 'ISSUER', 'RULE'] as const;
const callerCells = ({ tenant, subject, issuer, rule }: Facts) =>
  [tenant, subject, issuer, rule].map(cell);
const outcomeOf = ({ outcome, code }: Facts): string => cell(code ?? outcome);

const changeBy: ReadonlyMap<string | undefined, string> = new Map([
  ['update-secret', 'updated'],
  ['copy-secret', 'written'],
  ['encrypt-env', 'written'],
  ['submit-env', 'written'],
  ['delete-secret', 'deleted'],
  ['destroy-version', 'destroyed'],
]);

/** Whether the line may keep a reading of the secret to itself: early processes did not name what they opened. */
export const hidesReading = (
  { kmsCalls = 0, kmsRequestIds, secret }: LogLine,
  name: string,
): boolean => kmsCalls > 0 && kmsRequestIds === undefined && (secret ?? name) === name;

/** Asks who read or changed a secret. A request that failed after it opened the value is an answer, too. */
export const readsOf = (name: string): Question => ({
  holds: [name],
  head: ['TIME', 'WHAT', 'VERSION', ...callerHead, 'OPERATION', 'OUTCOME', 'REQUEST'],
  entriesOf: (line) => {
    const { operation, secret, version, code, read, wrote, copied } = line;
    const perhaps = code === 'outcome_unknown' && secret === name && wrote.length === 0;
    const changed = perhaps ? [`${name}@${version}`] : wrote;
    const facts = factsOf(line);
    return [
      { what: 'read', versions: versionsOf(name, read) },
      { what: 'copied', versions: versionsOf(name, copied) },
      { what: changeBy.get(operation) ?? 'created', versions: versionsOf(name, changed) },
    ].flatMap(({ what, versions }) => {
      const row = { ...facts, secret: name, what, versions };
      const cells = () => [
        ...[row.timestamp, what, versions.join(' '), ...callerCells(row)],
        ...[cell(operation), outcomeOf(row), cell(row.requestId)],
      ];
      return versions.length > 0 ? { row, cells } : [];
    });
  },
  readings: {
    isReading: (row) =>
      'what' in row && row.what === 'read' && 'outcome' in row && row.outcome === 'ok',
    isUnnamed: (line) => hidesReading(line, name),
  },
});

const requestRowOf = (line: LogLine) => ({
  ...factsOf(line),
  ...pick(line, 'secret', 'version', 'read', 'wrote', 'copied'),
});

/** Asks what the caller with this subject wanted. */
export const requestsOf = (subject: string): Question => ({
  holds: piecesOf(subject),
  head: ['TIME', 'OPERATION', 'SECRETS', 'OUTCOME', 'TENANT', 'ISSUER', 'RULE', 'REQUEST'],
  entriesOf: (line) => {
    if (line.subject !== subject) return [];
    const row = requestRowOf(line);
    const cells = () => [
      ...[row.timestamp, cell(row.operation), cell(namesIn(row)), outcomeOf(row)],
      ...[cell(row.tenant), cell(row.issuer), cell(row.rule), cell(row.requestId)],
    ];
    return [{ row, cells }];
  },
});

/** The parts of a text that JSON does not escape, and that have no meaning in any language of queries. */
const piecesOf = (text: string): string[] => text.match(/[\w.:/+=@-]+/g) ?? [];

/** Asks which requests the vault refused, and why. Its own failures are no refusals. */
export const refusals: Question = {
  holds: ['refused'],
  head: ['TIME', 'STATUS', 'CODE', 'WHY', 'OPERATION', 'SECRETS', ...callerHead, 'REQUEST'],
  entriesOf: (line) => {
    if (line.message !== 'request' || line.outcome !== 'refused') return [];
    const row = {
      ...requestRowOf(line),
      ...pick(line, ...whyFields),
    };
    const cells = () => [
      ...[row.timestamp, cell(row.status), cell(row.code), cell(whyIn(row))],
      ...[cell(row.operation), cell(namesIn(row)), ...callerCells(row), cell(row.requestId)],
    ];
    return [{ row, cells }];
  },
};

/** Asks for all lines of requests whose ids, also those of the gateway, begin so, and for the request that made the KMS call of this id. */
export const storyOf = (requestId: string): Question => ({
  holds: [requestId],
  head: ['TIME', 'LINE', 'SAYS'],
  inOrder: true,
  entriesOf: (row) => {
    const { requestId: id = '', gatewayRequestId = '', kmsRequestIds = [] } = row;
    const isOwn = [id, gatewayRequestId].some((one) => one.startsWith(requestId));
    if (!isOwn && !kmsRequestIds.includes(requestId)) return [];
    const { timestamp, message, ...facts } = row;
    return [{ row, cells: () => [timestamp, message, saidBy(facts)] }];
  },
});

const saidBy = (facts: object): string => {
  const said = Object.entries(facts).filter(([, fact]) => fact !== undefined);
  const texts = said.flatMap(([key, fact]) => {
    const text = textOf(fact);
    return text === '' ? [] : `${key}: ${text}`;
  });
  return texts.join(', ');
};

/** A list, or the names of counts, each with its count if that is more than 1. */
const textOf = (fact: unknown): string => {
  if (Array.isArray(fact)) {
    return fact
      .map((one) => (typeof one === 'object' ? Object.values(one).join(':') : one))
      .join(' ');
  }
  if (typeof fact !== 'object' || fact === null) return String(fact);
  return countsIn({ ...fact });
};
