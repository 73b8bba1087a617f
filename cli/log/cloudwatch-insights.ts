/**
 * Searches the logs of a stack with CloudWatch Logs Insights, by the AWS CLI and credentials of the
 * user.
 */
import { spawnSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import * as v from 'valibot';
import { operations } from '../../client/operations.ts';
import { environmentFor } from '../../system/environment.ts';
import { failure, systemCodeOf, usage } from '../../system/failures.ts';
import { note } from '../output/output.ts';

/** The maximum number of lines that CloudWatch Logs returns for one query. */
const linesMax = 10_000;
const askEveryMs = 500;
/** CloudWatch Logs itself ends a query after an hour. */
const completeWithinMs = 3_600_000;
const outputBytesMax = 268_435_456;
/** The longest time for which the template lets logs be kept, in seconds. */
const keptMaxS = 3_653 * 86_400;
/** By how many seconds CloudWatch may date a line later than the function did. */
const toleranceS = 60;

/**
 * Only texts of these characters are put into a query. None of these has a special meaning in a
 * query, so no name and no subject can change what the query asks.
 */
const safePiece = /^[\w.:/+=@-]+$/;

/**
 * Returns the query for all lines that hold these texts, or the text `or`, newest first. The texts
 * may be anywhere in a line, so the caller has to check each line that the query finds.
 */
export const queryFor = (holds: readonly string[], or?: string): string => {
  const like = (piece: string): string => {
    if (!safePiece.test(piece)) throw usage('the query would change');
    return `@message like "${piece}"`;
  };
  const all = ['requestId', ...holds].map(like).join(' and ');
  return [
    'fields @message',
    `filter ${or === undefined ? all : `${all} or ${like(or)}`}`,
    'sort @timestamp desc',
    `limit ${linesMax}`,
  ].join(' | ');
};

type Span = { readonly from: number; readonly to: number };

/**
 * The lines of a stack that hold these texts, or the text `or`. `from` and `to` are in milliseconds
 * since 1970. Throws a failure if the AWS CLI fails.
 */
export async function* linesOfStack(
  stack: string,
  holds: readonly string[],
  { from, to }: Span,
  or?: string,
): AsyncGenerator<string> {
  if (!/^[A-Za-z][A-Za-z0-9-]{0,127}$/.test(stack)) throw usage('--aws is the name of a stack');
  const groups = Object.keys(operations).map((operation) => `/aws/lambda/${stack}-${operation}`);
  const end = Math.ceil(Math.min(to, Date.now()) / 1_000) + toleranceS;
  const begin = Math.max(Math.floor(from / 1_000) - toleranceS, end - keptMaxS, 0);
  const seen = new Set<string>();
  const found = linesWithin(groups, queryFor(holds, or), { from: begin, to: end });
  for await (const { message, ptr } of found) {
    if (!seen.has(ptr)) yield message;
    seen.add(ptr);
  }
}

/** A line of a log. `ptr` identifies it, so that a line that is found twice counts once. */
type InsightsLine = { readonly message: string; readonly ptr: string };

/**
 * Yields the lines of a span of time, in seconds since 1970. A query that returns as many lines as
 * it can may have left some out, so each half of the span is then queried by itself. Both of these
 * queries include the second in the middle, because the documentation of AWS does not say whether a
 * query covers the fractions of its last second.
 */
async function* linesWithin(
  groups: readonly string[],
  query: string,
  { from, to }: Span,
  isWhole = true,
): AsyncGenerator<InsightsLine> {
  const lines = await search(groups, query, { from, to });
  if (lines.length < linesMax) return yield* lines;
  if (isWhole) {
    note(
      `one query returns at most ${linesMax} lines, so the time range is split and queried in parts; narrow --from and --to to make this faster`,
    );
  }
  const middle = Math.floor((from + to) / 2);
  if (middle === from) throw failure('one second has more lines than a query can return');
  yield* linesWithin(groups, query, { from, to: middle }, false);
  yield* linesWithin(groups, query, { from: middle, to }, false);
}

const started = v.object({ queryId: v.string() });
const results = v.object({
  status: v.string(),
  results: v.array(v.array(v.object({ field: v.string(), value: v.string() }))),
});

const search = async (groups: readonly string[], query: string, { from, to }: Span) => {
  const when = ['--start-time', String(from), '--end-time', String(to)];
  const what = ['--log-group-names', ...groups, '--query-string', query];
  const { queryId } = runAws(started, ['start-query', ...when, ...what]);
  const began = performance.now();
  for (;;) {
    const found = runAws(results, ['get-query-results', '--query-id', queryId]);
    if (found.status === 'Complete') {
      return found.results.map((row): InsightsLine => {
        const fields = new Map(row.map(({ field, value }) => [field, value]));
        const message = fields.get('@message') ?? '';
        return { message, ptr: fields.get('@ptr') ?? message };
      });
    }
    if (!['Scheduled', 'Running', 'Unknown'].includes(found.status)) {
      throw failure('CloudWatch Logs did not complete the query: try a shorter time range');
    }
    if (performance.now() - began > completeWithinMs) {
      throw failure(
        `CloudWatch Logs did not complete the query within an hour (${found.status}): try a shorter time range`,
      );
    }
    await sleep(askEveryMs);
  }
};

/** Runs the AWS CLI, which says itself on stderr what is wrong. */
const runAws = <Output>(schema: v.GenericSchema<unknown, Output>, args: string[]): Output => {
  const { error, status, signal, stdout } = spawnSync(
    'aws',
    ['logs', ...args, '--output', 'json'],
    {
      env: { ...environmentFor(), AWS_PAGER: '' },
      stdio: ['ignore', 'pipe', 'inherit'],
      encoding: 'utf8',
      maxBuffer: outputBytesMax,
    },
  );
  const code = error && systemCodeOf(error);
  if (code === 'ENOENT')
    throw failure('--aws needs the AWS CLI: there is no aws', { cause: error });
  if (code) throw failure(`the AWS CLI cannot be run (${code})`, { cause: error });
  if (status !== 0) throw failure(`the AWS CLI ended with ${signal ?? status}`);
  try {
    return v.parse(schema, JSON.parse(stdout));
  } catch (cause) {
    throw failure('the AWS CLI printed something unexpected', { cause });
  }
};
