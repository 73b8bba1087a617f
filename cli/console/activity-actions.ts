/** The actions that read the log of a vault on this machine. */
import { setTimeout as sleep } from 'node:timers/promises';
import * as v from 'valibot';
import { isSecretName } from '../../functions/model/types.ts';
import { failure, systemCodeOf } from '../../system/failures.ts';
import { linesOfLog } from '../../system/log-files.ts';
import { inOrder } from '../../system/log-lines.ts';
import { holdersOf } from '../log/holders.ts';
import { always } from '../log/log-reading.ts';
import type { FindLocal } from '../requests/local-vaults.ts';
import { actionFor, answerOf } from './action-answers.ts';
import { type Filter, filter, type LogLine, matches, parseLine } from './log-lines.ts';
import { openTail } from './log-tail.ts';
import type { Action } from './server.ts';

const lookEveryMs = 500;
/** When the console opens a log file, it reads only this much of the end of the file. */
const backlogBytes = 4_194_304;
const backlogLines = 200;
const storyLinesMax = 500;

const story = v.strictObject({ requestId: v.pipe(v.string(), v.regex(/^[\w-]{8,64}$/)) });

type Source = { readonly node: number | null; readonly file: string };

const named = v.strictObject({ name: v.pipe(v.string(), v.check(isSecretName)) });

/**
 * Returns these actions by name. `activity` yields the lines that match a filter as the logs grow.
 * `story` returns up to 500 lines of one request, and `holders` returns who has read one secret.
 */
export const activityActions = (findLocal: FindLocal): ReadonlyMap<string, Action> => {
  const sources = async (): Promise<readonly Source[]> =>
    ((await findLocal())?.nodes ?? []).flatMap(({ node, log }) =>
      log === null ? [] : [{ node, file: log }],
    );
  return new Map<string, Action>([
    [
      'activity',
      actionFor(filter, async (wanted, signal) => followLogs(await sources(), wanted, signal)),
    ],
    [
      'story',
      actionFor(story, ({ requestId }, signal) =>
        answerOf(async () => ({ lines: await storyOf(await sources(), requestId, signal) })),
      ),
    ],
    [
      'holders',
      actionFor(named, ({ name }, signal) =>
        answerOf(async () => {
          const logs = (await sources()).map(({ file }) => linesOfLog(file, signal));
          return await holdersOf(name, logs, always);
        }),
      ),
    ],
  ]);
};

/**
 * Yields the matching lines in batches, until the page disconnects. The first batch contains the
 * newest lines, at most 200, and each later batch the lines that were written since the previous
 * one. Each batch is sorted by time, oldest first.
 */
async function* followLogs(
  sources: readonly Source[],
  wanted: Filter,
  signal: AbortSignal,
): AsyncGenerator<{ readonly lines: readonly LogLine[] }> {
  const tails = sources.map(({ node, file }) => ({ node, file, ...openTail(file, backlogBytes) }));
  const read = async (): Promise<readonly LogLine[]> => {
    const all = tails.map(async ({ node, file, read: next }) => {
      const lines = await next().catch((error) => refuse(file, error));
      return lines.map((line) => parseLine(line, node));
    });
    const lines = (await Promise.all(all)).flat();
    return inOrder(
      lines.filter((line) => line !== undefined && matches(line, wanted)) as LogLine[],
    );
  };
  try {
    yield { lines: (await read()).slice(-backlogLines) };
    while (!signal.aborted) {
      await sleep(lookEveryMs, undefined, { signal }).catch(() => undefined);
      const lines = await read();
      if (lines.length > 0) yield { lines };
    }
  } finally {
    await Promise.all(tails.map(({ close }) => close()));
  }
}

const refuse = (file: string, error: unknown): never => {
  throw failure(`the log ${file} cannot be read (${systemCodeOf(error)})`, { cause: error });
};

/** Returns up to `storyLinesMax` lines of the request from all nodes' logs, sorted by time. */
const storyOf = async (
  sources: readonly Source[],
  requestId: string,
  signal: AbortSignal,
): Promise<readonly LogLine[]> => {
  const found: LogLine[] = [];
  for (const { node, file } of sources) {
    for await (const line of linesOfLog(file, signal)) {
      if (!line.includes(requestId) || found.length >= storyLinesMax) continue;
      const parsed = parseLine(line, node);
      if (parsed?.requestId === requestId) found.push(parsed);
    }
  }
  return inOrder(found);
};
