/** `dsvault log seen` shows the secrets that a caller knows, and writes files that replace them. */
import { existsSync } from 'node:fs';
import { isSecretName } from '../../functions/model/types.ts';
import { usage } from '../../system/failures.ts';
import { nextVersionFiles } from '../files/next-versions.ts';
import { piecesOf } from '../log/log-questions.ts';
import { type Seen, seenBy, seenCells, seenHead } from '../log/seen.ts';
import { note, printLines, printTable } from '../output/output.ts';
import { replaceFile, requireWritable } from '../output/private-files.ts';
import { quoted } from '../requests/curl.ts';
import { logQuestion, tell, whole } from './log-question.ts';

const about = [
  'Shows which secrets a caller knows: the versions that it was shown, wrote, or listed with values (as dsvault scan does), when it last did, and what is current now, according to the log.',
  'The log does not know what happened before it begins, who opened a value without this vault, what the caller did with a value, or under which other subjects the same person or program called. With --aws, what is current is known only from the lines since --from.',
  '--write writes KEY=enc(NAME@next) for each secret whose current version the caller knows, and prints the command that stores new values.',
];

export const seenCommand = () =>
  logQuestion(
    'seen',
    about.join('\n\n'),
    'dsvault log seen github:74 --from 2026-11-27T00:00Z',
    'dsvault log seen alice --tenant acme --write replace.env',
  )
    .summary('show which secrets a caller knows, latest first')
    .argument('<subject>', 'the subject of the caller, as dsvault whoami shows it')
    .option('--write <file>', 'write a file that stores the next version of each that is current')
    .action(async (subject, { write, ...flags }) => {
      // An existing file may have values by now that somebody has typed into it, so it is never
      // replaced.
      if (write !== undefined && existsSync(write)) throw usage(`--write: ${write} exists already`);
      const { seen } = await tell(
        flags,
        piecesOf(subject),
        (logs, range) => seenBy(subject, whole(logs, flags), range),
        async (found) => {
          if (found.seen.length > 0) await printTable(seenHead, found.seen.map(seenCells));
          else note('no line of the log shows that this caller knows a secret');
        },
        'wrote',
      );
      if (write !== undefined) await writeFiles(write, seen);
    });

const writeFiles = async (write: string, seen: readonly Seen[]): Promise<void> => {
  // A log may come from anywhere, so its texts reach a file or a command only if they are names.
  const current = seen.filter(({ secret, isCurrent }) => isCurrent && isSecretName(secret));
  if (new Set(current.map(({ tenant }) => tenant)).size > 1) {
    throw usage('the caller knows secrets of several tenants: name one with --tenant');
  }
  if (current.length === 0) return note('no secret that it knows is current: nothing is written');
  const files = nextVersionFiles(current.map(({ secret }) => secret));
  const versions = new Map(current.map(({ secret, current: version }) => [secret, version]));
  const commands = files.map(({ names, content }, index) => {
    const file = index === 0 ? write : `${write}.${index + 1}`;
    replaceFile(requireWritable(file), content);
    const conditions = names.map((name) => `--if-version ${name}=${versions.get(name)}`);
    const word = /^[\w./-]+$/.test(file) ? file : quoted(file);
    return ['dsvault env encrypt --in-place', word, '--generate 32', ...conditions].join(' ');
  });
  await printLines(commands);
};
