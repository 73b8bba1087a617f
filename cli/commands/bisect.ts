import { findPins, replaceParts } from '../../functions/env/pins.ts';
import type { Plan } from '../../functions/env/plan.ts';
import { exitCodes, type Failure, failure, isFailure, usage } from '../../system/failures.ts';
import { planOrFail } from '../files/file-failures.ts';
import { type MergedFiles, mergeFiles } from '../files/merged-files.ts';
import { note, noteLine, printJson, printTable } from '../output/output.ts';
import { reportLines } from '../output/print-failure.ts';
import { openSession, type Session } from '../requests/vault-client.ts';
import { runChild } from '../run/child-program.ts';
import {
  getReading,
  mergingFor,
  type ProgramFlags,
  readTexts,
  withProgramFile,
} from '../run/program-file.ts';
import { bisect, type Mark, type Range, runsLeft } from './bisection.ts';
import { instantOf, vaultCommand } from './command-line.ts';
import { versionCells, versionHead } from './history.ts';
import { type Change, changesOf, type History, readHistory, validAt } from './secret-changes.ts';

export const bisectCommand = () =>
  withProgramFile(
    vaultCommand(
      'bisect',
      'find the change of a secret that broke a program',
      'dsvault bisect --good 2026-11-20T00:00Z -- ./smoke.sh',
      'dsvault bisect --good 2026-11-20T00:00Z --bad 2026-11-24T14:31Z -- ./smoke.sh',
    ).option('-f, --env-file <file>', 'the file; - is stdin', '.env'),
  )
    .argument(
      '<command...>',
      'the program: exit code 0 means good, 125 skip, any other up to 127 bad',
    )
    .requiredOption(
      '--good <instant>',
      'a time when the program worked (RFC 3339, Z)',
      instantOf('--good'),
    )
    .option('--bad <instant>', 'a time when it did not', 'now')
    .passThroughOptions()
    .action(async (words, { good, ...flags }) => {
      const bad = flags.bad === 'now' ? undefined : instantOf('--bad')(flags.bad);
      if (bad !== undefined && bad <= good) throw usage('--bad is a time after --good');
      const session = openSession(flags);
      const merged = mergeFiles(await readTexts([flags.envFile]), mergingFor(flags));
      const plan = planOrFail(flags.envFile, merged.content);
      const history = await readHistory(session, unpinnedNames(plan), good);
      const changes = changesOf(history, good, bad);
      if (changes.length === 0) {
        throw failure('no secret of the file changed between --good and --bad');
      }
      const search = { session, flags, merged, plan, history, words, json: flags.json };
      await report(search, await findFirstBad(search, good, changes));
    });

/** A pinned reference does not change, so its secret takes no part in the search. */
const unpinnedNames = ({ read }: Plan): string[] =>
  read.flatMap(({ name, version }) => (version === undefined ? [name] : []));

type Search = {
  readonly session: Session;
  readonly flags: ProgramFlags;
  readonly merged: MergedFiles;
  readonly plan: Plan;
  readonly history: History;
  readonly words: readonly string[];
  readonly json: true | undefined;
};

type SearchResult = {
  readonly good: string;
  readonly bad: string;
  readonly changes: readonly Change[];
};

/** Returns the candidates for the first bad change: exactly one, or more if times were skipped. */
const findFirstBad = async (
  search: Search,
  good: string,
  changes: readonly Change[],
): Promise<SearchResult> => {
  // Each change begins a state that lasts until the next change. State 0 is that of --good.
  const instants = [good, ...changes.map(({ at }) => at)];
  const at = (state: number): string => instants[state] ?? good;
  const last = changes.length;
  note(`as of ${at(0)}: must be good`);
  requireMark('good', await tryAt(search, at(0)));
  note(`as of ${at(last)}: must be bad`);
  requireMark('bad', await tryAt(search, at(last)));
  const range = await bisect(last, async (state, left) => {
    note(`as of ${at(state)}: ${progressOf(left)}`);
    const outcome = await tryAt(search, at(state));
    note(`${outcome.mark === 'skip' ? 'skipped' : outcome.mark}: ${outcome.why}`);
    return outcome.mark;
  });
  return {
    good: at(range.good),
    bad: at(range.bad),
    changes: changes.slice(range.good, range.bad),
  };
};

const progressOf = (range: Range): string => {
  const runs = runsLeft(range);
  return `${range.bad - range.good} changes left, about ${runs} ${runs === 1 ? 'run' : 'runs'}`;
};

type Outcome = { readonly mark: Mark; readonly why: string };

const hints: Readonly<Record<Mark, string>> = {
  skip: 'give another time',
  bad: 'give an earlier time, or look for a cause outside the secrets',
  good: 'give a later time, or look for a cause outside the secrets',
};

const requireMark = (wanted: 'good' | 'bad', { mark, why }: Outcome): void => {
  if (mark === wanted) return;
  throw failure(`--${wanted} is not ${wanted} (${why}): ${hints[mark]}`);
};

/**
 * Prints and returns a failure that says that the file cannot be expanded with the versions that
 * were tried. Throws any other failure again, which ends the search.
 */
const refusalOf = (error: unknown): Failure => {
  if (!isFailure(error) || !cannotBeExpanded.includes(error.exitCode)) throw error;
  for (const line of reportLines(error.report, error.file)) noteLine(line);
  return error;
};

const cannotBeExpanded: readonly number[] = [exitCodes.notFound, exitCodes.invalidFile];

/**
 * Runs the program with the secrets as of an instant. A state in which the file cannot be expanded,
 * such as while a secret was deleted, is skipped, as with exit code 125.
 */
const tryAt = async (search: Search, at: string): Promise<Outcome> => {
  const { session, flags, merged, plan, history, words, json } = search;
  const missing = unpinnedNames(plan).find(
    (name) => validAt(history, name, at)?.state !== 'stored',
  );
  if (missing !== undefined) {
    const state = validAt(history, missing, at)?.state ?? 'not there yet';
    return { mark: 'skip', why: `${missing} was ${state}` };
  }
  // Pins the references instead of expanding with `at`, because `at` would also hide a version that
  // the file itself pins and that is newer than the instant.
  const pins = findPins(plan.lines, ({ name, version }) => {
    const valid = version === undefined ? validAt(history, name, at) : undefined;
    return valid && { version: valid.version };
  });
  const content = replaceParts(plan.content, pins);
  const reading = await getReading(session, flags, { ...merged, content }).catch(refusalOf);
  if (isFailure(reading)) return { mark: 'skip', why: reading.message };
  const [command = '', ...args] = words;
  const { env, hide } = reading;
  const { code, endedBy } = await runChild({ command, args, env, hide, outToStderr: json });
  if (endedBy !== undefined) throw failure(`${endedBy} ended the search`, { kind: 'interrupted' });
  return outcomeOf(code);
};

/** The exit codes have the same meaning as for `git bisect run`. */
const outcomeOf = (code: number): Outcome => {
  if (code > 127) {
    throw failure(`the program ended with ${code}: that is neither good nor bad`);
  }
  if (code === 125) return { mark: 'skip', why: 'exit code 125' };
  const mark = code === 0 ? 'good' : 'bad';
  return { mark, why: `exit code ${code}` };
};

const report = async ({ json }: Search, { good, bad, changes }: SearchResult): Promise<void> => {
  const versions = changes.flatMap((change) => change.versions);
  if (json) await printJson({ found: changes.length === 1, good, bad, changes: versions });
  else {
    const rows = versions.map((version) => [version.name, ...versionCells(version)]);
    await printTable(['NAME', ...versionHead], rows);
  }
  if (changes.length === 1) return;
  throw failure(
    `the first bad change is one of these ${changes.length}: the times between them were skipped`,
  );
};
