/** `dsvault log`: who read or changed a secret, as the log of the vault tells it. */
import { isTenant, tenantForm } from '../../functions/model/types.ts';
import { usage } from '../../system/failures.ts';
import { linesOfFile, linesOfLog, linesOfStdin } from '../../system/log-files.ts';
import { linesOfStack } from '../log/cloudwatch-insights.ts';
import {
  type Answer,
  ask,
  type Question,
  type Range,
  readsOf,
  refusals,
  requestsOf,
  storyOf,
} from '../log/log-questions.ts';
import { note, printJson, printTable } from '../output/output.ts';
import { findLocalVaults, knowsCheckout } from '../requests/local-vaults.ts';
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
    'ask the log of a vault: who read or changed a secret, when, from where',
    'dsvault log reads DB_PASSWORD --from 2026-11-27T00:00Z',
    'dsvault log refusals --aws vault',
  )
    .addCommand(
      logQuestion(
        'reads',
        'tell who read or changed a secret, the newest first',
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
        'who',
        'tell what a caller asked for, the newest first',
        'dsvault log who alice',
        'dsvault log who github:74 --from 2026-11-27T00:00Z --json',
      )
        .argument('<subject>', 'the subject of the caller, as dsvault whoami shows it')
        .action((subject, flags) => answer(requestsOf(subject), flags)),
    )
    .addCommand(
      logQuestion(
        'story',
        'show all lines of one request, in their order',
        'dsvault log story c484c830',
        'dsvault log story c484c830-1b2c-4f00-8000-000000000001 --json',
      )
        .argument('<id>', 'the id, or its first 8 characters or more; or the id of a call to KMS')
        .action((id, flags) => {
          if (!/^[\w-]{8,64}$/.test(id)) throw usage('ID is 8 to 64 characters of a request id');
          if (flags.tenant !== undefined)
            throw usage('an id is of one request: leave out --tenant');
          return answer(storyOf(id), flags);
        }),
    )
    .addCommand(
      logQuestion(
        'refusals',
        'list the requests that the vault refused, the newest first',
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

const answer = async (question: Question, flags: LogFlags): Promise<void> => {
  const range = rangeOf(flags);
  const asked = await ask(question, await logsOf(flags, question, range), range);
  // A search finds only the lines that it looked for, so it does not know where the log begins.
  const found = flags.aws === undefined ? asked : { ...asked, begins: null };
  const entries = question.inOrder ? found.entries : found.entries.toReversed();
  if (flags.json) {
    const { lastRead, unnamed, entries: _, ...facts } = found;
    const rows = entries.map(({ row }) => row);
    return await printJson({ ...facts, ...(question.readings && { lastRead, unnamed }), rows });
  }
  if (entries.length > 0) {
    const rows = entries.map(({ cells }) => cells());
    await printTable(question.head, rows);
  }
  for (const sentence of remarksOn(found, range)) note(sentence);
  if (flags.aws === undefined && found.begins === null) note('the log has no lines');
};

const rangeOf = ({ from, to, tenant }: LogFlags): Range => {
  const range = {
    from: from === undefined ? Number.NEGATIVE_INFINITY : Date.parse(from),
    to: to === undefined ? Number.POSITIVE_INFINITY : Date.parse(to),
    tenant,
  };
  // "No line answers this" would be true, and sound like an answer.
  if (range.to < range.from) throw usage('--to is a time before --from');
  return range;
};

const logsOf = async (
  { aws, file, for: name }: LogFlags,
  { holds }: Question,
  range: Range,
): Promise<readonly AsyncIterable<string>[]> => {
  if ([aws, file, name].filter((source) => source !== undefined).length > 1) {
    throw usage('give one of --for, --file and --aws');
  }
  if (aws !== undefined) return [linesOfStack(aws, holds, range)];
  if (file !== undefined) {
    if (new Set(file).size < file.length) throw usage('--file names a file twice');
    return [joined(file.map((one) => (one === '-' ? linesOfStdin() : linesOfFile(one))))];
  }
  const vaults = (await findLocalVaults()).flatMap(({ name: own, nodes }) => {
    const logs = nodes.flatMap(({ log }) => log ?? []);
    return logs.length > 0 && (name === undefined || own === name) ? { own, logs } : [];
  });
  const [vault, ...others] = vaults;
  if (vault === undefined) {
    throw usage(
      knowsCheckout()
        ? 'no vault with a log runs on this machine: name --file or --aws'
        : 'the vaults of this machine need their checkout: name its folder in DSVAULT_CHECKOUT, or give --file or --aws',
    );
  }
  if (others.length > 0) throw usage(`several vaults run here: name one with --for`);
  return vault.logs.map((log) => linesOfLog(log));
};

/** Files that somebody names may be parts of one log. */
async function* joined(logs: readonly AsyncIterable<string>[]): AsyncGenerator<string> {
  for (const lines of logs) yield* lines;
}

const remarksOn = (found: Answer, { from }: Range): string[] => {
  const { entries, total, lastRead, begins, unreadable, unnamed } = found;
  const remarks: string[] = [];
  if (lastRead) remarks.push(`last read at ${lastRead.timestamp}`);
  if (total === 0) remarks.push('no line of the log answers this');
  if (total > entries.length)
    remarks.push(`only the newest ${entries.length} of ${total} are shown`);
  if (begins !== null && Date.parse(begins) > from) remarks.push(`the log begins at ${begins}`);
  if (unreadable > 0) remarks.push(`lines of requests that cannot be read: ${unreadable}`);
  if (unnamed > 0) remarks.push(`requests whose lines do not say what they read: ${unnamed}`);
  return remarks;
};
