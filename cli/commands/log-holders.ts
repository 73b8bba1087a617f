/** `dsvault log holders` shows who has which version, or waits until all have the current one. */
import { setTimeout as sleep } from 'node:timers/promises';
import { failure, usage } from '../../system/failures.ts';
import {
  holderCells,
  holderHead,
  holdersOf,
  noReader,
  type OldHolder,
  oldHolders,
  otherHolders,
} from '../log/holders.ts';
import { type Coverage, remarksOn } from '../log/log-reading.ts';
import { logsOf } from '../log/log-sources.ts';
import { note, printJson, printLines, printTable } from '../output/output.ts';
import { type VersionArgument, versionArgument } from './command-line.ts';
import { type LogFlags, logQuestion, rangeOf, tell, whole } from './log-question.ts';
import { durationMs } from './outdated.ts';

const about = [
  'Shows which version each caller has read, latest reader first. --wait ends when every caller that had read an older version has read the current one, or got the answer that it has it already (304). Give NAME@VERSION if the log may not show that version yet, as on AWS.',
  'A caller that reads by number or ran once may never read the current one: --wait names such callers, and --without leaves them out. It does not wait for callers that only listed, wrote or copied an older version, but names them at the end. A caller counts once one of its programs has read; dsvault cannot know of others with the same subject, of readers before the log begins, of reads from another vault, or of values that a program keeps or has passed on.',
  'With --aws, --wait asks once a minute, and each time CloudWatch Logs Insights scans, and bills, all lines since --from.',
];

export const holdersCommand = () =>
  logQuestion(
    'holders',
    about.join('\n\n'),
    'dsvault log holders DB_PASSWORD',
    'dsvault log holders DB_PASSWORD --aws vault --from 2026-11-27T00:00Z',
    'dsvault log holders DB_PASSWORD@4 --wait --timeout 1h --without nightly',
  )
    .summary('show which version each caller has read, or wait for the current one')
    .argument('<secret>', 'NAME; with --wait also NAME@VERSION', versionArgument)
    .option('--wait', 'end when no caller has only an older version')
    .option('--timeout <duration>', 'with --wait: fail after this time, such as 10m or 2h')
    .option('--without <subjects...>', 'with --wait: callers that are not waited for')
    .action(async (secret, { wait, timeout, without, ...flags }) => {
      if (!wait && (timeout ?? without) !== undefined) {
        throw usage('--timeout and --without belong to --wait');
      }
      if (wait) return await waitForAll(secret, flags, { timeout, without });
      if (secret.version !== undefined) throw usage('NAME takes a @VERSION only with --wait');
      await tellHolders(secret.name, flags);
    });

const tellHolders = async (name: string, flags: LogFlags): Promise<void> => {
  await tell(
    flags,
    [name],
    (logs, range) => holdersOf(name, whole(logs, flags), range),
    async ({ holders }) => {
      if (holders.length > 0) await printTable(holderHead, holders.map(holderCells));
      else note(noReader);
    },
  );
};

type WaitFlags = {
  readonly timeout?: string | undefined;
  readonly without?: readonly string[] | undefined;
};

const waitForAll = async (
  { name, version }: VersionArgument,
  flags: LogFlags,
  { timeout, without = [] }: WaitFlags,
): Promise<void> => {
  const limitMs = timeout === undefined ? Number.POSITIVE_INFINITY : durationMs(timeout);
  if (limitMs === undefined) throw usage('--timeout is a number with d, h, m or s: 10m');
  if (flags.file?.includes('-')) throw usage('--wait reads the log repeatedly, which stdin cannot');
  const range = rangeOf(flags);
  const ends = performance.now() + limitMs;
  let told: string | undefined;
  for (;;) {
    const asked = performance.now();
    const logs = whole(await logsOf(flags, [name], range), flags);
    const found = await holdersOf(name, logs, range);
    const { holders } = found;
    if (holders.length === 0) throw failure(`${noReader} of ${name}`);
    if (holders.some(({ current }) => current === 'deleted')) {
      throw failure(`${name} is deleted, so no caller can read it as the current version`);
    }
    if (told === undefined) tellCoverage(found, flags);
    const old = oldHolders(holders, version);
    const open = old.filter(({ isDone }) => !isDone);
    const names = namesOf(open.filter(({ subject }) => !without.includes(subject)));
    if (names === '') {
      const unsure = old.filter(({ isDone, mayNot }) => !isDone || mayNot !== undefined);
      const left = [...unsure.map(nameOf), ...otherHolders(found, version)];
      if (flags.json) await printJson({ ...found, left });
      else await printLines([endOf(left, found.unreadable)]);
      return;
    }
    if (names !== told) note(`the current version has not been read by: ${names}`);
    told = names;
    const now = performance.now();
    if (now >= ends) {
      const sentence = `${timeout} later, the current version has not been read by: ${names}`;
      throw failure(sentence, { kind: 'found' });
    }
    const pauseMs = flags.aws === undefined ? Math.max(1_000, 5 * (now - asked)) : 60_000;
    await sleep(Math.min(pauseMs, ends - now));
  }
};

/** Says since when the log tells of readers, because earlier ones are not waited for. */
const tellCoverage = ({ begins, unreadable }: Coverage, { aws, from = '' }: LogFlags): void => {
  const isWhole = aws === undefined && !(Date.parse(from) > Date.parse(begins ?? ''));
  const since = isWhole ? begins : from || 'the oldest line that AWS keeps';
  note(`the log tells of readers since ${since}`);
  for (const remark of remarksOn({ begins: null, unreadable }, 0)) note(remark);
};

/** The answer, which says "every" only if no caller is `left` that may have an older version. */
const endOf = (left: readonly string[], unreadable: number): string => {
  const but = [
    ...(left.length > 0 ? [`these may still have an older version: ${left.join(', ')}`] : []),
    ...(unreadable > 0 ? [`lines that cannot be read may be of other readers: ${unreadable}`] : []),
  ];
  return but.length > 0
    ? `no caller is left to wait for; ${but.join('; ')}`
    : 'every caller with an older version has read the current one';
};

const nameOf = ({ subject, mayNot }: OldHolder): string =>
  mayNot === undefined ? subject : `${subject} (${mayNot})`;

const namesOf = (holders: readonly OldHolder[]): string => holders.map(nameOf).join(', ');
