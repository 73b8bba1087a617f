/**
 * Runs the scripts of `scripts/`: pages that tell how `dsvault` behaves, in the form that cram uses.
 *
 *     Text at the margin explains.
 *
 *       $ a command in bash, in the folder of the script; lines with > continue it
 *       its stdout; … stands for any text, and INSTANT, ID, ANCHOR, URL and FOLDER for what differs
 *       between runs
 *       ! a line of its stderr
 *       [4]
 *
 * `[4]` is the exit code if it is not 0. ` (no-eol)` marks output that does not end with a line feed, and
 * control characters are shown as escapes. Each script has a folder, a home and a tenant of its own.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { type Dsvault, openDsvault } from '../../support/dsvault.ts';
import { type RunningVault, useVault } from '../../support/running-vault.ts';

const folder = 'test/e2e/cli/scripts';
/** A text in the secrets of all scripts. */
const canary = 'c4n4ry';

const shared = useVault();
const failing = useVault();

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

type Stage = { readonly dsvault: Dsvault; readonly url: string };

const open = (vault: RunningVault, tenant: string): Stage => {
  const token = (claims = {}) => vault.token({ tenant, ...claims });
  const inSeconds = (seconds: number) => Math.floor(Date.now() / 1_000) + seconds;
  const url = vault.baseUrl();
  const dsvault = openDsvault({
    DSVAULT_ADDR: url,
    DSVAULT_TOKEN: token(),
    VAULT_DATA_DIR: vault.dataDir,
    OTHER_TOKEN: token({ tenant: `${tenant}-other` }),
    EMPTY_TOKEN: token({ tenant: `${tenant}-empty` }),
    BOBS_TOKEN: token({ sub: 'bob', names: ['A*'] }),
    WRITERS_TOKEN: token({ scope: 'secrets:write' }),
    LISTING_TOKEN: token({ scope: 'secrets:list secrets:write' }),
    EXPIRED_TOKEN: token({ exp: 1 }),
    EXPIRING_TOKEN: token({ exp: inSeconds(280) }),
  });
  return { dsvault, url };
};

/** The output without what differs between runs, and with escapes for control characters. */
const shown = (text: string, { dsvault, url }: Stage): string =>
  text
    .replaceAll(dsvault.folder, 'FOLDER')
    .replaceAll(url, 'URL')
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'INSTANT')
    .replaceAll(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, 'ID')
    .replaceAll(/("anchor": ?)"[A-Za-z0-9_-]{8}"/g, '$1"ANCHOR"')
    .replaceAll('\r', '\\r')
    .replaceAll(/[^\P{Cc}\n]/gu, (control) => `\\x${control.charCodeAt(0).toString(16)}`);

/** The lines of an output, each behind `mark`. */
const linesOf = (stage: Stage, output: string, mark: string): string[] => {
  if (output === '') return [];
  const lines = shown(output, stage).split('\n');
  const last = lines.pop();
  return [...lines, ...(last === '' ? [] : [`${last} (no-eol)`])].map((line) => mark + line);
};

/** The line of the page, if it stands for the line that was printed. */
const asWritten = (printed: string, written = ''): string => {
  const parts = written.split('…').map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`).test(printed) ? written : printed;
};

/** The page as it would be if it told exactly what happens now. */
const replay = async (stage: Stage, page: string): Promise<string> => {
  const { dsvault } = stage;
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
      ...linesOf(stage, bytes.toString('utf8'), '  '),
      ...linesOf(stage, stderr, '  ! '),
      ...(code === 0 ? [] : [`  [${code}]`]),
    ];
    const written: string[] = [];
    while (/^ {2}(?!\$ )/.test(lines[at] ?? '')) written.push(lines[at++] ?? '');
    told.push(...printed.map((text, index) => asWritten(text, written[index])));
  }
  return told.join('\n');
};

/** The vault of a page. failures.txt disables the master key for a moment, so its vault is its own. */
const vaultOf = (file: string): RunningVault => (file === 'failures.txt' ? failing : shared);

describe('dsvault', () => {
  // Two pages at once (maxConcurrency), because dsvault mostly waits for Node to start.
  it.concurrent.each(readdirSync(folder))(
    'behaves as %s tells, and shows no value to others',
    async (file) => {
      const page = readFileSync(join(folder, file), 'utf8');
      const stage = open(vaultOf(file), file.replace(/\W.*/, ''));
      expect(await replay(stage, page)).toBe(page);
      expect(stage.dsvault.seenIn(canary)).toEqual([]);
    },
    600_000,
  );
});
