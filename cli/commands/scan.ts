import { failure } from '../../system/failures.ts';
import { note, printJson, printTable } from '../output/output.ts';
import { readNames, readVersions } from '../requests/secret-lists.ts';
import { openSession, type Session } from '../requests/vault-client.ts';
import { contentsOfCommits, filesIn, type Place } from '../scan/contents.ts';
import { type Finding, findIn } from '../scan/findings.ts';
import { hiddenText, isShort, type KnownValue, searchFor } from '../scan/value-search.ts';
import { decodeValue } from '../values/read-value.ts';
import { secretName, vaultCommand } from './command-line.ts';

const about = [
  'Finds the values of all versions that the token may read, in files or in everything that a range of commits added, and never prints one. (Only a value under 4 bytes may appear in a path that it prints.)',
  'Scan before you destroy a version: a destroyed value cannot be found. Nor can a value that is split over lines or cut, or in an encoding other than plain text, base64 and JSON. The scan does not look into binaries and compressed files, files above 64 MiB, links, files that git ignores (unless you name them, or give --ignored), names of branches, submodules in --git, and commits that this clone does not have or that the range does not reach. A value with several lines is also found by its longest line alone (form line). If a value is a common word, the scan also reports places where that word is not the secret.',
  'The scan reads all values, so use a machine that you trust. dsvault log holders shows its reads in the column LISTED.',
];

export const scanCommand = () =>
  vaultCommand(
    'scan',
    about.join('\n\n'),
    'dsvault scan',
    'dsvault scan /var/log/app --prefix DB_',
    'dsvault scan --git v1.0..main',
    'dsvault scan --git "--all --reflog" --json',
  )
    .summary('find the values of secrets in files or in git')
    .argument('[paths...]', 'files or folders; by default this folder, unless there is --git')
    .option('--git <range>', 'commits of the repository of this folder, as for git rev-list')
    .option('--ignored', 'also what git ignores in the folders')
    .option('--prefix <beginning>', 'only secrets whose names begin with this', secretName)
    .action(async (paths, { git, ignored, prefix, json, ...flags }) => {
      const { known, hidden, left } = await readKnown(openSession(flags), prefix);
      const search = searchFor(known);
      const found: Finding[] = [];
      const current = new Set<string>();
      let [total, searched] = [0, 0];
      const files = paths.length > 0 || git !== undefined ? paths : ['.'];
      for (const source of [
        ...files.map((path) => filesIn(path, ignored)),
        ...(git === undefined ? [] : [contentsOfCommits(git)]),
      ]) {
        for await (const content of source) {
          const { place, findings } = findIn(search, hidden, content);
          if (typeof content.bytes === 'string') left[content.bytes].push(textOf(place));
          else searched += 1;
          total += findings.length;
          for (const { name, state } of findings) if (state === 'current') current.add(name);
          found.push(...findings.slice(0, rowsMax - found.length));
        }
      }
      if (json) await printJson({ total, found, searched, left });
      else await print(found, total, left);
      if (git !== undefined && !json) note('left out: names of branches, and submodules');
      const which =
        current.size > 0 ? `still current: ${[...current].join(', ')}` : 'none is current';
      if (total > 0) throw failure(`values of secrets were found; ${which}`, { kind: 'found' });
      if (!json)
        note(`no value was found; values: ${known.length}, files and objects of git: ${searched}`);
    });

const print = async (found: readonly Finding[], total: number, left: Left): Promise<void> => {
  const isGit = found.some(({ blob }) => blob !== undefined);
  const rows = found.map((finding) => {
    const { line, name, versions, state, form, blob = '' } = finding;
    const where = finding.path === undefined ? 'its message' : (line ?? 'its path');
    const cells = [`${textOf(finding)}:${where}`, name, versions.join(' '), state, form];
    return isGit ? [...cells, blob.slice(0, hashShown)] : cells;
  });
  const head = ['WHERE', 'SECRET', 'VERSIONS', 'STATE', 'FORM', ...(isGit ? ['BLOB'] : [])];
  if (rows.length > 0) await printTable(head, rows);
  if (total > rows.length) note(`only the first ${rows.length} of ${total} are shown`);
  for (const [why, names] of Object.entries(left)) {
    if (names.length === 0) continue;
    const more = names.length > namesShown ? ` and ${names.length - namesShown} more: --json` : '';
    const shown = names.slice(0, namesShown).join(', ');
    note(`left out, ${reasons[why as keyof Left]}: ${names.length}: ${shown}${more}`);
  }
};

const textOf = ({ commit, path }: Place): string =>
  [commit?.slice(0, hashShown), path].filter((part) => part !== undefined).join(':');

const namesShown = 10;
const hashShown = 12;
const rowsMax = 10_000;
/** The number of requests that run at once. */
const lanesMax = 8;

/** What was not searched for, and where the search did not look. */
const reasons = {
  short: 'values under 8 bytes',
  destroyed: 'destroyed values',
  binary: 'binaries',
  large: 'above 64 MiB',
  unreadable: 'unreadable',
  ignored: 'ignored by git (--ignored looks into them)',
} as const;
type Left = Record<keyof typeof reasons, string[]>;

/** Reads the values of all versions, of deleted secrets too. */
const readKnown = async (session: Session, prefix: string | undefined) => {
  const known: KnownValue[] = [];
  const hidden: Buffer[] = [];
  const left: Left = {
    ...{ short: [], destroyed: [], binary: [], large: [], unreadable: [], ignored: [] },
  };
  const stored = await readNames(session, { prefix });
  const deleted = await readNames(session, { prefix, state: 'deleted' });
  const names = new Set([...stored, ...deleted]);
  if (names.size === 0) throw failure('the token sees no such secret', { kind: 'notFound' });
  const queue = names.values();
  const lane = async () => {
    for (const name of queue) {
      const entries = await readVersions(session, name, 'values');
      const values = new Map<string, KnownValue & { readonly versions: number[] }>();
      for (const entry of entries) {
        const { version } = entry;
        if (entry.state === 'destroyed') left.destroyed.push(`${name}@${version}`);
        if (entry.state !== 'stored') continue;
        const value = decodeValue({ value: '', encoding: 'utf8', ...entry });
        if (isShort(value)) left.short.push(`${name}@${version}`);
        hidden.push(...hiddenText(value));
        const isDeleted = entries[0]?.state === 'deleted';
        const state = isDeleted ? 'deleted' : entry === entries[0] ? 'current' : 'superseded';
        // The newest of the versions that have the same value comes first, so its state counts.
        const same = values.get(value.toString('latin1'));
        if (same) same.versions.push(version);
        else values.set(value.toString('latin1'), { name, versions: [version], state, value });
      }
      known.push(...values.values());
    }
  };
  await Promise.all(Array.from({ length: session.settings.curl ? 1 : lanesMax }, lane));
  // The replies come in any order.
  for (const names of [left.short, left.destroyed]) names.sort();
  return { known, hidden, left };
};
