import { isUtf8 } from 'node:buffer';
import { createTwoFilesPatch } from 'diff';
import { exitCodes } from '../../system/failures.ts';
import { shown } from '../../system/terminal-text.ts';
import { note, printJson, printLines, printText } from '../output/output.ts';
import { ofVersion } from '../requests/secret-lists.ts';
import { openSession, type Session } from '../requests/vault-client.ts';
import { decodeValue } from '../values/read-value.ts';
import { type VersionArgument, vaultCommand, versionArgument } from './command-line.ts';

/**
 * The maximum number of removed and added lines in a patch. The time to compute a patch is
 * quadratic: 2 s for this many lines, minutes for the largest secrets.
 */
const linesShownMax = 4_000;

export const diffCommand = () =>
  vaultCommand(
    'diff',
    'say whether two versions have the same value, and with --show-values what differs',
    'dsvault diff DB_PASSWORD@1 DB_PASSWORD@3',
    'dsvault diff TLS_CHAIN@4 TLS_CHAIN --show-values',
  )
    .argument('<old>', 'NAME@VERSION; without a version the current one', versionArgument)
    .argument('<new>', 'NAME@VERSION; without a version the current one', versionArgument)
    .option('--show-values', 'print the lines that differ')
    .option('--exit-code', 'exit with 9 if the values differ')
    .action(async (first, second, flags) => {
      const session = openSession(flags);
      const from = await read(session, first);
      const to = await read(session, second);
      const equal = from.value.equals(to.value);
      if (flags.exitCode && !equal) process.exitCode = exitCodes.found;
      const patch = flags.showValues && !equal ? patchOf(from, to) : undefined;
      if (flags.showValues && !equal && patch === undefined) {
        note(`more than ${linesShownMax} lines differ, too many to show`);
      }
      if (flags.json) {
        const told = [from, to].map(({ value: _, label: __, ...version }) => version);
        return await printJson({ equal, versions: told, ...(patch && { patch }) });
      }
      if (patch !== undefined) return await printText(patch);
      await printLines([`${from.label} and ${to.label} ${equal ? 'are the same' : 'differ'}`]);
    });

const read = async ({ client }: Session, { name, version }: VersionArgument) => {
  const query = { version: version?.toString() };
  const found = await ofVersion({ name, version }, () => client('get-secret', { name, query }));
  return {
    name,
    version: found.version,
    validFrom: found.validFrom,
    validTo: found.validTo,
    label: `${name}@${found.version}`,
    value: decodeValue(found),
  };
};

type VersionValue = Awaited<ReturnType<typeof read>>;

/** The patch; `undefined` if too many lines differ. */
const patchOf = (from: VersionValue, to: VersionValue): string | undefined => {
  const [old, next] = [linesOf(from.value), linesOf(to.value)];
  const options = {
    maxEditLength: linesShownMax,
    headerOptions: { includeIndex: false, includeUnderline: false, includeFileHeaders: true },
  };
  // The library escapes control characters in the labels, but not in the times.
  const times = [shown(from.validFrom), shown(to.validFrom)] as const;
  return createTwoFilesPatch(from.label, to.label, old, next, ...times, options);
};

/**
 * The lines of a text, with control characters escaped, or one line of base64 for bytes that are
 * not text.
 */
const linesOf = (value: Buffer): string =>
  isUtf8(value)
    ? value.toString('utf8').split('\n').map(shown).join('\n')
    : `base64:${value.toString('base64')}`;
