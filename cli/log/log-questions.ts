/** The questions that a vault's log answers, line by line and with a bounded number of rows. */
import { countsIn, namesIn, whyFields, whyIn } from '../../system/log-line-names.ts';
import type { LogLine } from '../../system/log-lines.ts';
import { type Coverage, type LogRange, readLogs, versionsOf } from './log-reading.ts';

/** One row of an answer, with the time of its line. */
type Row = { readonly timestamp: string };

export type Question<AnyRow extends Row> = {
  /** Texts that each line with an answer contains, so that a search can look for them first. */
  readonly holds: readonly string[];
  readonly head: readonly string[];
  readonly rowsOf: (line: LogLine) => readonly AnyRow[];
  readonly cellsOf: (row: AnyRow) => readonly string[];
  /** Shows the oldest row first. */
  readonly inOrder?: true;
  /** The maximum number of rows in a table. */
  readonly shownMax?: number;
};

export type Answer<AnyRow> = Coverage & {
  /** The number of all rows, including those that are not shown. */
  readonly total: number;
  /** The newest rows of the answer, at most 10,000. */
  readonly rows: readonly AnyRow[];
};

const rowsMax = 10_000;

/** Answers the question from the lines of all logs, in any order. */
export const ask = async <AnyRow extends Row>(
  { rowsOf, inOrder }: Question<AnyRow>,
  logs: readonly AsyncIterable<string>[],
  range: LogRange,
): Promise<Answer<AnyRow>> => {
  let rows: readonly AnyRow[] = [];
  let fresh: AnyRow[] = [];
  let total = 0;
  const merge = (): void => {
    rows = [...rows, ...fresh].sort(byTime).slice(-rowsMax);
    fresh = [];
  };
  const coverage = await readLogs(logs, range, (line) => {
    for (const row of rowsOf(line)) {
      total += 1;
      if (fresh.push(row) >= rowsMax) merge();
    }
  });
  merge();
  return { total, ...coverage, rows: inOrder ? rows : rows.toReversed() };
};

const byTime = (one: Row, other: Row): number =>
  Date.parse(one.timestamp) - Date.parse(other.timestamp);

const pick = <Key extends keyof LogLine>(line: LogLine, ...keys: readonly Key[]) =>
  Object.fromEntries(keys.map((key) => [key, line[key]])) as Pick<LogLine, Key>;

/** Returns the question as it is. Its rows get the type that `rowsOf` returns. */
const question = <AnyRow extends Row>(asked: Question<AnyRow>): Question<AnyRow> => asked;

/** Every row has these facts about its request. */
const factsOf = (line: LogLine) => ({
  ...pick(line, 'timestamp', 'tenant', 'subject', 'issuer', 'rule', 'operation', 'outcome'),
  ...pick(line, 'status', 'code', 'requestId'),
});
type Facts = ReturnType<typeof factsOf>;

/** A missing fact is shown as a dash: an unknown caller has no tenant, for example. */
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

/**
 * Asks who read or changed a secret. This includes requests that failed after they had opened the
 * value.
 */
export const readsOf = (name: string) =>
  question({
    holds: [name],
    head: ['TIME', 'WHAT', 'VERSION', ...callerHead, 'OPERATION', 'OUTCOME', 'REQUEST'],
    rowsOf: (line) => {
      const { operation, secret, version, code, read, wrote, copied } = line;
      const perhaps = code === 'outcome_unknown' && secret === name && wrote.length === 0;
      const changed = perhaps ? [`${name}@${version}`] : wrote;
      const facts = factsOf(line);
      return [
        { what: 'read', versions: versionsOf(name, read) },
        { what: 'copied', versions: versionsOf(name, copied) },
        { what: changeBy.get(operation) ?? 'created', versions: versionsOf(name, changed) },
      ].flatMap(({ what, versions }) =>
        versions.length > 0 ? { ...facts, secret: name, what, versions } : [],
      );
    },
    cellsOf: (row) => [
      ...[row.timestamp, row.what, row.versions.join(' '), ...callerCells(row)],
      ...[cell(row.operation), outcomeOf(row), cell(row.requestId)],
    ],
  });

const requestRowOf = (line: LogLine) => ({
  ...factsOf(line),
  ...pick(line, 'secret', 'version', 'read', 'wrote', 'copied'),
});

/** Asks what the caller with this subject requested. */
export const requestsOf = (subject: string) =>
  question({
    holds: piecesOf(subject),
    head: ['TIME', 'OPERATION', 'SECRETS', 'OUTCOME', 'TENANT', 'ISSUER', 'RULE', 'REQUEST'],
    rowsOf: (line) => (line.subject === subject ? [requestRowOf(line)] : []),
    cellsOf: (row) => [
      ...[row.timestamp, cell(row.operation), cell(namesIn(row)), outcomeOf(row)],
      ...[cell(row.tenant), cell(row.issuer), cell(row.rule), cell(row.requestId)],
    ],
  });

/**
 * Returns the parts of a text that JSON does not escape and that have no meaning in any query
 * language.
 */
export const piecesOf = (text: string): string[] => text.match(/[\w.:/+=@-]+/g) ?? [];

/**
 * Asks which requests the vault refused, and why. Failures of the vault itself are not refusals.
 */
export const refusals = question({
  holds: ['refused'],
  shownMax: 20,
  head: ['TIME', 'STATUS', 'CODE', 'WHY', 'OPERATION', 'SECRETS', ...callerHead, 'REQUEST'],
  rowsOf: (line) =>
    line.message === 'request' && line.outcome === 'refused'
      ? [{ ...requestRowOf(line), ...pick(line, ...whyFields) }]
      : [],
  cellsOf: (row) => [
    ...[row.timestamp, cell(row.status), cell(row.code), cell(whyIn(row))],
    ...[cell(row.operation), cell(namesIn(row)), ...callerCells(row), cell(row.requestId)],
  ],
});

/**
 * Asks for all lines of requests whose id, or gateway id, begins with `requestId`, and of the
 * request that made the KMS call with this id.
 */
export const storyOf = (requestId: string) =>
  question({
    holds: [requestId],
    head: ['TIME', 'LINE', 'SAYS'],
    inOrder: true,
    rowsOf: (line) => {
      const { requestId: id = '', gatewayRequestId = '', kmsRequestIds = [] } = line;
      const isOwn = [id, gatewayRequestId].some((one) => one.startsWith(requestId));
      return isOwn || kmsRequestIds.includes(requestId) ? [line] : [];
    },
    cellsOf: ({ timestamp, message, ...facts }) => [timestamp, message, saidBy(facts)],
  });

const saidBy = (facts: object): string => {
  const said = Object.entries(facts).filter(([, fact]) => fact !== undefined);
  const texts = said.flatMap(([key, fact]) => {
    const text = textOf(fact);
    return text === '' ? [] : `${key}: ${text}`;
  });
  return texts.join(', ');
};

/**
 * Returns the text of a fact for a table. A list becomes its items, and an object of counts becomes
 * its names, each with its count if that is more than 1.
 */
const textOf = (fact: unknown): string => {
  if (Array.isArray(fact)) {
    return fact
      .map((one) => (typeof one === 'object' ? Object.values(one).join(':') : one))
      .join(' ');
  }
  if (typeof fact !== 'object' || fact === null) return String(fact);
  return countsIn({ ...fact });
};
