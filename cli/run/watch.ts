/** `dsvault run --watch`: gives the program new values when a file or its secrets have changed. */
import { statSync } from 'node:fs';
import { constants } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Command, OptionValues } from '@commander-js/extra-typings';
import { usage } from '../../system/failures.ts';
import { type Merging, mergeFiles, type NamedText } from '../files/merged-files.ts';
import { note } from '../output/output.ts';
import { reportFailure } from '../output/print-failure.ts';
import { replaceFile, requireWritable } from '../output/private-files.ts';
import type { Flags } from '../requests/settings.ts';
import { openSession } from '../requests/vault-client.ts';
import type { Child, ChildControl } from './child-program.ts';
import {
  findNewReading,
  type ProgramFlags,
  type Reading,
  readEnvFile,
  readTexts,
} from './program-file.ts';

const presets = { intervalS: '30', graceS: '10' } as const;
const intervalMinMs = 100;
const backoffLastMs = 300_000;
/** How long an editor may need to write a file that it has truncated. */
const settleMs = 100;

const millisecondsOf = (text: string, flag: string): number => {
  if (/^\d{1,5}(\.\d{1,3})?$/.test(text)) return Number(text) * 1_000;
  throw usage(`${flag} is a number of seconds`);
};

const signalOf = (text: string): NodeJS.Signals => {
  const name = `SIG${text.toUpperCase().replace(/^SIG/, '')}`;
  const known = Object.keys(constants.signals).find((signal) => signal === name);
  if (known !== undefined) return known as NodeJS.Signals;
  throw usage('--signal is the name of a signal, such as TERM or HUP');
};

/** Adds `--watch`, and the options that go with it, to a command of `dsvault`. */
export const withWatch = <Args extends unknown[], Options extends OptionValues>(
  command: Command<Args, Options>,
) =>
  command
    .option('--watch', 'restart the program when the file or one of its secrets has changed')
    .option('--interval <seconds>', `the time between two checks (${presets.intervalS})`)
    .option(
      '--signal <name>',
      'the signal that tells the program of a change (TERM; with --write none)',
      signalOf,
    )
    .option('--grace <seconds>', `the time from that signal to KILL (${presets.graceS})`)
    .option('--write <file>', 'write the expanded file there instead, and do not restart');

type WatchFlags = ReturnType<ReturnType<typeof withWatch<[], Record<never, never>>>['opts']> & {
  readonly at?: string | undefined;
  readonly redact?: true | undefined;
  readonly dialect: string;
  readonly literal?: true | undefined;
  readonly referencesOnly?: true | undefined;
};

/**
 * Returns how to watch; `undefined` if nothing is watched. `target` is the file that is written
 * instead of a restart.
 */
export const watchOf = (flags: WatchFlags) => {
  const { watch, interval, signal, grace, write, dialect } = flags;
  if (!watch) {
    const given = [interval, signal, grace, write].some((flag) => flag !== undefined);
    if (!given) return undefined;
    throw usage('--interval, --signal, --grace and --write belong to --watch');
  }
  if (flags.at !== undefined) throw usage('give --watch or --at: the past does not change');
  if (write !== undefined && flags.redact) throw usage('give --write or --redact');
  if (write !== undefined && (flags.literal || flags.referencesOnly)) {
    throw usage('--references-only and --literal are for variables: --write writes all lines');
  }
  if (write !== undefined && grace !== undefined) {
    throw usage('--grace is for a restart: with --write there is none');
  }
  const intervalMs = millisecondsOf(interval ?? presets.intervalS, '--interval');
  if (intervalMs < intervalMinMs) throw usage(`--interval is ${intervalMinMs / 1_000} or more`);
  return {
    intervalMs,
    graceMs: millisecondsOf(grace ?? presets.graceS, '--grace'),
    signal,
    dialect: write === undefined ? undefined : dialect,
    target: write === undefined ? undefined : requireWritable(write),
  };
};
type WatchSettings = NonNullable<ReturnType<typeof watchOf>>;

/** Throws if the file for the program is one of the files with the references. */
export const requireOther = ({ target }: WatchSettings, texts: readonly NamedText[]): void => {
  const other = target && statOf(target.file);
  const isTarget = ({ file }: NamedText): boolean => {
    const one = statOf(file);
    return one !== undefined && one.ino === other?.ino && one.dev === other.dev;
  };
  if (texts.some(isTarget)) throw usage('--write would replace the file with its own expansion');
};

/** The status of a file, if it can be reached. If not, reading it will say why. */
const statOf = (file: string) => {
  try {
    return statSync(file);
  } catch {
    return undefined;
  }
};

/** Writes the expanded file to the target that the program reads, if there is one. */
export const writeFor = ({ target }: WatchSettings, { expanded }: Reading): void => {
  if (target !== undefined) replaceFile(target, expanded);
};

/**
 * Returns how many milliseconds to wait before the next check, after this many failures in a row.
 * `chance`, from 0 to 1, varies the wait after failures.
 */
export const waitMs = (intervalMs: number, failures: number, chance: number): number => {
  if (failures === 0) return intervalMs;
  const grown = Math.min(intervalMs * 2 ** failures, Math.max(intervalMs, backoffLastMs));
  return grown * (0.5 + chance / 2);
};

type Program = {
  readonly flags: ProgramFlags & Flags;
  readonly merging: Merging;
  /** The files with the references, and what they were expanded to when the program started. */
  readonly texts: readonly NamedText[];
  readonly reading: Reading;
  readonly childOf: (reading: Reading) => Child;
};

/**
 * Watches the files and their secrets while the program runs. After a failure the program keeps the
 * values that it has. Of several failures in a row only the first is reported, and later that the
 * files can be expanded again.
 */
export const watchFile =
  (watch: WatchSettings, { flags, merging, childOf, ...first }: Program) =>
  async (watched: ChildControl): Promise<void> => {
    let { texts, reading } = first;
    const files = texts.map(({ file }) => file);
    const look = async (): Promise<void> => {
      const known = new Map(texts.map(({ file, text }) => [file, text]));
      const typed = await readTexts(files, (file) =>
        readAgain(file, known.get(file) ?? '', watched.over),
      );
      // A separate session for each check, so that a renewed token is found. It does not retry,
      // because the next check does.
      const session = openSession({ ...flags, retries: '0' });
      const expansion = { ...mergeFiles(typed, merging), dialect: watch.dialect };
      const next = await findNewReading(session, flags, expansion, reading, watched.over);
      if (next !== undefined && next.expanded !== reading.expanded) {
        // Earlier values are still secret, so they stay masked in the output.
        const hide = next.hide && [...new Set([...(reading.hide ?? []), ...next.hide])];
        const changed = typed.filter(({ file, text }) => known.get(file) !== text);
        const inFiles = changed.map(({ file }) => file).join(', ');
        await giveNew({ ...next, hide }, changedSecrets(reading, next) || inFiles);
      } else if (next !== undefined) reading = { ...next, hide: reading.hide };
      texts = typed;
    };
    const giveNew = async (next: Reading, what: string): Promise<void> => {
      writeFor(watch, next);
      reading = next;
      if (watch.target === undefined) {
        note(`${what} changed: dsvault restarts the program`);
        const how = { signal: watch.signal ?? 'SIGTERM', graceMs: watch.graceMs } as const;
        return await watched.restart(childOf(next), how);
      }
      note(`${what} changed: ${watch.target.file} is written again`);
      if (watch.signal !== undefined) watched.send(watch.signal);
    };
    for (let failures = 0; ; ) {
      try {
        const pause = waitMs(watch.intervalMs, failures, Math.random());
        await sleep(pause, undefined, { signal: watched.over });
        await look();
        if (failures > 0) note(`${files.join(', ')} can be expanded again`);
        failures = 0;
      } catch (error) {
        if (watched.over.aborted) return;
        failures += 1;
        if (failures > 1) continue;
        reportFailure(error);
        note('the program keeps its values, and dsvault keeps trying');
      }
    }
  };

/**
 * The secrets whose version has changed, as `NAME@VERSION`; empty if only the file itself has
 * changed.
 */
const changedSecrets = (old: Reading, next: Reading): string =>
  next.resolved
    .filter(({ name, version }) =>
      old.resolved.every((before) => before.name !== name || before.version !== version),
    )
    .map(({ name, version }) => `${name}@${version}`)
    .join(', ');

/**
 * Reads a file. For stdin and other pipes it returns `known`, because they can be read only once.
 */
const readAgain = async (file: string, known: string, signal: AbortSignal): Promise<string> => {
  if (file === '-' || statOf(file)?.isFile() === false) return known;
  const pause = () => sleep(settleMs, undefined, { signal });
  return await readSettled(() => readEnvFile(file), known, pause);
};

/**
 * Returns `known` immediately if `read` returns it, and otherwise what `read` returns twice in a
 * row, because an editor may be writing the file.
 */
export const readSettled = async (
  read: () => Promise<string>,
  known: string,
  pause: () => Promise<void>,
): Promise<string> => {
  for (let before = known; ; ) {
    const content = await read();
    if (content === before) return content;
    before = content;
    await pause();
  }
};
