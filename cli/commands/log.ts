/** `dsvault log` shows who read or changed a secret, according to the vault's log. */
import { isTenant, tenantForm } from '../../functions/model/types.ts';
import { usage } from '../../system/failures.ts';
import { type Contradiction, checkLogs, checkSentence } from '../log/check.ts';
import { holderCells, holderHead, holdersOf, noReader } from '../log/holders.ts';
import {
  type Answer,
  ask,
  type Question,
  readsOf,
  refusals,
  requestsOf,
  storyOf,
} from '../log/log-questions.ts';
import { always, type Coverage, type Range, remarksOn } from '../log/log-reading.ts';
import { logsOf } from '../log/log-sources.ts';
import { note, printJson, printLines, printTable } from '../output/output.ts';
import {
  type About,
  instantOf,
  nameArgument,
  newCommand,
  type OptionsOf,
  offlineCommand,
} from './command-line.ts';

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
    .addCommand(
      logQuestion(
        'holders',
        'show which version each caller has read, latest reader first',
        'dsvault log holders DB_PASSWORD',
        'dsvault log holders DB_PASSWORD --aws vault --from 2026-11-27T00:00Z',
      )
        .argument(...nameArgument)
        .action(tellHolders),
    )
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
        'check whether any request read a stale value, or contradicts another one',
        'dsvault log check',
        'dsvault log check --file node-1.log node-2.log --clocks 50ms',
      )
        .option('--clocks <ms>', 'how far the clocks of several logs may differ, such as 50ms')
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

const logQuestion = (...about: About) =>
  offlineCommand(...about)
    .option('--from <time>', 'only what happened at this instant or later', instantOf('--from'))
    .option('--to <time>', 'only what happened at this instant or earlier', instantOf('--to'))
    .option('--tenant <tenant>', 'only requests of this tenant', tenantName)
    .option('--for <vault>', 'the vault of this machine, if several run: start or cluster')
    .option('--file <files...>', 'these log files instead; - is stdin')
    .option('--aws <stack>', 'the logs of this stack, by the AWS CLI');

type LogFlags = OptionsOf<typeof logQuestion>;

const tenantName = (text: string): string => {
  if (isTenant(text)) return text;
  throw usage(`--tenant is ${tenantForm}`);
};

type Logs = readonly AsyncIterable<string>[];

/** Prints what the logs answer, and says what they do not know. */
const tell = async <Found extends Coverage>(
  flags: LogFlags,
  holds: readonly string[],
  find: (logs: Logs, range: Range) => Promise<Found>,
  print: (found: Found) => Promise<void>,
): Promise<Found> => {
  const range = rangeOf(flags);
  const inLines = await find(await logsOf(flags, holds, range), range);
  // A search finds only the requested lines, so it does not know where the log begins.
  const found = flags.aws === undefined ? inLines : { ...inLines, begins: null };
  if (flags.json) {
    await printJson(found);
    return found;
  }
  await print(found);
  for (const remark of remarksOn(found, range.from)) note(remark);
  if (found.begins === null && flags.aws === undefined) note('the log has no lines');
  return found;
};

/** Joins the logs if the user names files, because these may be parts of one log. */
const whole = (logs: Logs, { file }: LogFlags): Logs =>
  file === undefined ? logs : [joined(logs)];

async function* joined(logs: Logs): AsyncGenerator<string> {
  for (const lines of logs) yield* lines;
}

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

const checkAll = async ({
  clocks,
  ...flags
}: LogFlags & { readonly clocks?: string | undefined }): Promise<void> => {
  const isOfSeveral = flags.aws !== undefined || (flags.file ?? []).length > 1;
  if (clocks === undefined && isOfSeveral) {
    throw usage('several logs need --clocks: how far the clocks of their machines may differ');
  }
  const options = { clocksMs: clocksMs(clocks ?? '0ms'), isOrdered: flags.aws === undefined };
  const { contradictions } = await tell(
    flags,
    [],
    (logs, range) => checkLogs(logs, range, options),
    (check) =>
      printLines([...check.contradictions.flatMap(contradictionLines), checkSentence(check)]),
  );
  if (contradictions.length > 0) process.exitCode = 1;
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

const rangeOf = ({ from, to, tenant }: LogFlags): Range => {
  const range = {
    from: from === undefined ? always.from : Date.parse(from),
    to: to === undefined ? always.to : Date.parse(to),
    tenant,
  };
  // A range that ends before it begins is refused: "No line answers this" would be true, but sound
  // as if somebody had looked.
  if (range.to < range.from) throw usage('--to is a time before --from');
  return range;
};
