/**
 * Runs the scripts of `scripts/`: pages that tell how `dsvault` behaves, in the form that cram uses.
 *
 *     Text at the margin explains.
 *
 *       $ a command in bash, in the folder of the script; lines with > continue it
 *       its stdout; … stands for any text, and INSTANT, ID, URL and FOLDER for what differs between runs
 *       ! a line of its stderr
 *       [4]
 *
 * `[4]` is the exit code if it is not 0. ` (no-eol)` marks output that does not end with a line feed, and
 * control characters are shown as escapes. Each script has a folder, a home and a tenant of its own.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { type Dsvault, openDsvault } from '../../support/dsvault.ts';
import { useVault } from '../../support/running-vault.ts';

const folder = 'test/e2e/cli/scripts';
/** A text in the secrets of all scripts. */
const canary = 'c4n4ry';

const vault = useVault();

/**
 * Scripts can use these functions: `terminal` runs a command in a pseudo-terminal, `flat` prints its JSON in
 * one line, and `key` disables and enables the master key.
 */
const functions = `
  dsvault() { "${resolve('cli/dsvault.js')}" "$@"; }
  terminal() {
    local words=("$@")
    [ "$1" = dsvault ] && words[0]="${resolve('cli/dsvault.js')}"
    script -qec "\${COLUMNS:+stty cols $COLUMNS; }exec $(printf '%q ' "\${words[@]}")" /dev/null
  }
  flat() { "$@" 2>&1 | sed -z 's/\\n *//g'; local code="\${PIPESTATUS[0]}"; echo; return "$code"; }
  key() { (cd "${resolve('.')}" && node local/bin/launch.js local/bin/key.ts "$@"); }
`;

const open = (tenant: string): Dsvault => {
  const token = (claims = {}) => vault.token({ tenant, ...claims });
  const inSeconds = (seconds: number) => Math.floor(Date.now() / 1_000) + seconds;
  return openDsvault({
    DSVAULT_ADDR: vault.baseUrl(),
    DSVAULT_TOKEN: token(),
    VAULT_DATA_DIR: vault.dataDir,
    OTHER_TOKEN: token({ tenant: `${tenant}-other` }),
    EMPTY_TOKEN: token({ tenant: `${tenant}-empty` }),
    BOBS_TOKEN: token({ sub: 'bob', names: ['A*'] }),
    WRITERS_TOKEN: token({ scope: 'secrets:write' }),
    EXPIRED_TOKEN: token({ exp: 1 }),
    EXPIRING_TOKEN: token({ exp: inSeconds(280) }),
  });
};

/** The output without what differs between runs, and with escapes for control characters. */
const shown = (text: string, { folder: home }: Dsvault): string =>
  text
    .replaceAll(home, 'FOLDER')
    .replaceAll(vault.baseUrl(), 'URL')
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'INSTANT')
    .replaceAll(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, 'ID')
    .replaceAll('\r', '\\r')
    .replaceAll(/[^\P{Cc}\n]/gu, (control) => `\\x${control.charCodeAt(0).toString(16)}`);

/** The lines of an output, each behind `mark`. */
const linesOf = (dsvault: Dsvault, output: string, mark: string): string[] => {
  if (output === '') return [];
  const lines = shown(output, dsvault).split('\n');
  const last = lines.pop();
  return [...lines, ...(last === '' ? [] : [`${last} (no-eol)`])].map((line) => mark + line);
};

/** The line of the page, if it stands for the line that was printed. */
const asWritten = (printed: string, written = ''): string => {
  const parts = written.split('…').map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`).test(printed) ? written : printed;
};

/** The page as it would be if it told exactly what happens now. */
const replay = async (dsvault: Dsvault, page: string): Promise<string> => {
  const lines = page.split('\n');
  const told: string[] = [];
  for (let at = 0; at < lines.length; ) {
    const line = lines[at++] ?? '';
    told.push(line);
    if (!line.startsWith('  $ ')) continue;
    const command = [line.slice(4)];
    for (; lines[at]?.startsWith('  > '); at += 1) {
      told.push(lines[at] ?? '');
      command.push((lines[at] ?? '').slice(4));
    }
    // In a file, because others can see the words of a command line.
    writeFileSync(join(dsvault.folder, '.script'), `${functions}\n${command.join('\n')}\n`);
    const { code, bytes, stderr } = await dsvault.run(['.script'], { program: 'bash' });
    const printed = [
      ...linesOf(dsvault, bytes.toString('utf8'), '  '),
      ...linesOf(dsvault, stderr, '  ! '),
      ...(code === 0 ? [] : [`  [${code}]`]),
    ];
    const written: string[] = [];
    while (/^ {2}(?!\$ )/.test(lines[at] ?? '')) written.push(lines[at++] ?? '');
    told.push(...printed.map((text, index) => asWritten(text, written[index])));
  }
  return told.join('\n');
};

/** This script disables the master key for a moment, so no other may run beside it. */
const alone = 'failures.txt';
const files = [...readdirSync(folder).filter((file) => file !== alone), alone];
type Play = { readonly page: string; readonly told: string; readonly dsvault: Dsvault };
const begun = new Map<string | undefined, Promise<Play>>();

/** Plays a script once. A failure is that of the test that awaits it. */
const play = (file: string): Promise<Play> => {
  const perform = async (): Promise<Play> => {
    const page = readFileSync(join(folder, file), 'utf8');
    const dsvault = open(file.replace(/\W.*/, ''));
    return { page, told: await replay(dsvault, page), dsvault };
  };
  const one = begun.get(file) ?? perform();
  one.catch(() => undefined);
  begun.set(file, one);
  return one;
};

describe('dsvault', () => {
  // The test of a script that was begun may have been left out.
  afterAll(() => Promise.allSettled(begun.values()), 600_000);

  it.each(files)(
    'behaves as %s tells, and shows no value to others',
    async (file) => {
      const own = play(file);
      // Two scripts run at once, because dsvault mostly waits for Node to start.
      const next = files[files.indexOf(file) + 1];
      if (next !== undefined && next !== alone) void play(next);
      const { page, told, dsvault } = await own;
      expect(told).toBe(page);
      expect(dsvault.seenIn(canary)).toEqual([]);
    },
    600_000,
  );
});
