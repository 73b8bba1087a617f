/** `dsvault log` shows who read or changed a secret, according to the vault's log. */
import { exitCodes, usage } from '../../system/failures.ts';
import { type Contradiction, checkLogs, checkSentence } from '../log/check.ts';
import {
  type Answer,
  ask,
  type Question,
  readsOf,
  refusals,
  requestsOf,
  storyOf,
} from '../log/log-questions.ts';
import { hasGaps, headsOf, readHeads, runSentences } from '../log/runs.ts';
import { note, printLines, printTable } from '../output/output.ts';
import { replaceFile, requireWritable } from '../output/private-files.ts';
import { nameArgument, newCommand } from './command-line.ts';
import { holdersCommand } from './log-holders.ts';
import { type LogFlags, logQuestion, tell, whole } from './log-question.ts';
import { seenCommand } from './log-seen.ts';

export const logCommand = () =>
  newCommand(
    'log',
    'search the log of a vault: who read or changed a secret, when, from where',
    'dsvault log reads DB_PASSWORD --from 2026-11-27T00:00Z',
    'dsvault log refusals --aws vault',
  )
    .addCommand(
      logQuestion(
        'reads',
        'show who read or changed a secret, newest first',
        'dsvault log reads DB_PASSWORD',
        'dsvault log reads DB_PASSWORD --tenant acme --from 2026-11-27T00:00Z',
        'dsvault log reads DB_PASSWORD --aws vault --from 2026-11-27T00:00Z',
        'dsvault log reads DB_PASSWORD --file log.1 log --json',
      )
        .argument(...nameArgument)
        .action((name, flags) => answer(readsOf(name), flags)),
    )
    .addCommand(holdersCommand())
    .addCommand(seenCommand())
    .addCommand(
      logQuestion(
        'who',
        'show what a caller requested, newest first',
        'dsvault log who alice',
        'dsvault log who github:74 --from 2026-11-27T00:00Z --json',
      )
        .argument('<subject>', 'the subject of the caller, as dsvault whoami shows it')
        .action((subject, flags) => answer(requestsOf(subject), flags)),
    )
    .addCommand(
      logQuestion(
        'story',
        'show all lines of one request, in order',
        'dsvault log story c484c830',
        'dsvault log story c484c830-1b2c-4f00-8000-000000000001 --json',
      )
        .argument('<id>', 'the id, or its first 8 characters or more; or the id of a call to KMS')
        .action((id, flags) => {
          if (!/^[\w-]{8,64}$/.test(id)) throw usage('ID is 8 to 64 characters of a request id');
          if (flags.tenant !== undefined)
            throw usage('an id belongs to one request: leave out --tenant');
          return answer(storyOf(id), flags);
        }),
    )
    .addCommand(
      logQuestion(
        'check',
        aboutCheck.join('\n\n'),
        'dsvault log check',
        'dsvault log check --file node-1.log node-2.log --clocks 50ms',
        'dsvault log check --heads yesterday.json --write-heads today.json',
      )
        .summary('check for stale reads, contradictions, and lines that are missing')
        .option('--clocks <ms>', 'how far the clocks of several logs may differ, such as 50ms')
        .option(
          '--write-heads <file>',
          'write where each run begins and ends, to be kept elsewhere',
        )
        .option('--heads <file>', 'earlier heads, whose lines since --from the log must still have')
        .action(checkAll),
    )
    .addCommand(
      logQuestion(
        'refusals',
        'list the requests that the vault refused, newest first',
        'dsvault log refusals --from 2026-11-27T00:00Z',
        'zcat export.gz | dsvault log refusals --file -',
      ).action((flags) => answer(refusals, flags)),
    );

const aboutCheck = [
  'Checks whether any request read a stale value or contradicts another one, and whether lines are missing or were changed. For the latter it looks at all lines, whatever --from, --to and --tenant say. It needs some 400 bytes of memory for each line: 1 GB for a log of 1 GB.',
  'Each process numbers its lines, and each line has a digest of the one before. This reveals a line that is missing between two others, and a changed line unless it is the last one. It is not a signature: whoever can write the log can renumber it, cut off its beginning or end, or remove a whole run. To detect that too, pass the heads of an earlier check, kept elsewhere, with --heads. The log must then go back as far as it did in that check, or as far as --from, which a rotated log needs. Requests that a process did not log before it died leave no gap in the numbers.',
];

const answer = async <Row extends { readonly timestamp: string }>(
  question: Question<Row>,
  flags: LogFlags,
): Promise<void> => {
  const { holds, head, cellsOf, shownMax } = question;
  const print = async ({ rows, total }: Answer<Row>): Promise<void> => {
    const shown = rows.slice(0, shownMax);
    if (shown.length > 0) await printTable(head, shown.map(cellsOf));
    if (total === 0) note('no line of the log answers this');
    const more = shown.length < rows.length ? ': --json has more' : '';
    if (total > shown.length) note(`only the newest ${shown.length} of ${total} are shown${more}`);
  };
  await tell(flags, holds, (logs, range) => ask(question, whole(logs, flags), range), print);
};

type CheckFlags = LogFlags &
  Readonly<Partial<Record<'clocks' | 'heads' | 'writeHeads', string | undefined>>>;

const checkAll = async ({ clocks, heads, writeHeads, ...flags }: CheckFlags): Promise<void> => {
  const isOfSeveral = flags.aws !== undefined || (flags.file ?? []).length > 1;
  if (clocks === undefined && isOfSeveral) {
    throw usage('several logs need --clocks: how far the clocks of their machines may differ');
  }
  const options = {
    ...{ clocksMs: clocksMs(clocks ?? '0ms'), isOrdered: flags.aws === undefined },
    heads: heads === undefined ? undefined : readHeads(heads),
  };
  const target = writeHeads === undefined ? undefined : requireWritable(writeHeads);
  const check = await tell(
    flags,
    [],
    (logs, range) => checkLogs(logs, range, options),
    (found) =>
      printLines([
        ...found.contradictions.flatMap(contradictionLines),
        checkSentence(found),
        ...runSentences(found),
      ]),
  );
  // Heads of a log that lacks lines would hide that from the next check.
  if (target && heads !== undefined && hasGaps(check)) {
    const rotated = 'if the log was rotated, say with --from how far back it must go';
    note(`${writeHeads} was not written, because lines are missing or were changed: ${rotated}`);
  } else if (target) replaceFile(target, headsOf(check));
  if (check.contradictions.length > 0 || hasGaps(check)) process.exitCode = exitCodes.found;
};

const clocksMs = (text: string): number => {
  const [, digits, unit] = /^(\d{1,6})(ms|s)$/.exec(text) ?? [];
  if (digits === undefined) throw usage('--clocks is a number of ms or s, such as 50ms');
  return Number(digits) * (unit === 's' ? 1_000 : 1);
};

/** Returns a contradiction as text: what it says, and one line for each of its two requests. */
const contradictionLines = ({ tenant, secret, says, lines }: Contradiction): string[] => [
  `${tenant ?? '-'} ${secret}: ${says}`,
  ...lines.map(({ timestamp, operation, requestId, log }) =>
    ['', timestamp, operation ?? '-', requestId ?? '-', `log ${log + 1}`].join('  '),
  ),
];
