/**
 * What the questions of `dsvault log` share: their options, and the remarks about what the logs do
 * not know.
 */
import { isTenant, tenantForm } from '../../functions/model/types.ts';
import { usage } from '../../system/failures.ts';
import { always, type Coverage, type LogRange, remarksOn } from '../log/log-reading.ts';
import { logsOf } from '../log/log-sources.ts';
import { note, printJson } from '../output/output.ts';
import { type About, instantOf, type OptionsOf, offlineCommand } from './command-line.ts';

export const logQuestion = (...about: About) =>
  offlineCommand(...about)
    .option('--from <time>', 'only what happened at this instant or later', instantOf('--from'))
    .option('--to <time>', 'only what happened at this instant or earlier', instantOf('--to'))
    .option('--tenant <tenant>', 'only requests of this tenant', tenantName)
    .option('--for <vault>', 'the vault of this machine, if several run: start or cluster')
    .option('--file <files...>', 'these log files instead; - is stdin')
    .option('--aws <stack>', 'the logs of this stack, by the AWS CLI');

export type LogFlags = OptionsOf<typeof logQuestion>;

const tenantName = (text: string): string => {
  if (isTenant(text)) return text;
  throw usage(`--tenant is ${tenantForm}`);
};

type Logs = readonly AsyncIterable<string>[];

/** Prints what the logs answer, and says what they do not know. */
export const tell = async <Found extends Coverage>(
  flags: LogFlags,
  holds: readonly string[],
  find: (logs: Logs, range: LogRange) => Promise<Found>,
  print: (found: Found) => Promise<void>,
  or?: string,
): Promise<Found> => {
  const range = rangeOf(flags);
  const inLines = await find(await logsOf(flags, holds, range, or), range);
  // A search on AWS finds only the requested lines, so it does not show where the log begins.
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
export const whole = (logs: Logs, { file }: LogFlags): Logs =>
  file === undefined ? logs : [joined(logs)];

async function* joined(logs: Logs): AsyncGenerator<string> {
  for (const lines of logs) yield* lines;
}

export const rangeOf = ({ from, to, tenant }: LogFlags): LogRange => {
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
