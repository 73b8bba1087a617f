/**
 * Runs the scripts in `scripts/`, which say how `dsvault` behaves. They have the form that cram
 * uses.
 *
 * Text at the margin explains.
 *
 *       $ a command in bash, in the folder of the script; lines with > continue it
 *       its stdout; … stands for any text, and INSTANT, ID, ANCHOR, URL and FOLDER for what differs
 *       between runs
 *       ! a line of its stderr
 *       [4]
 *
 * `[4]` is the exit code if it is not 0. ` (no-eol)` marks output that does not end with a line
 * feed, and control characters are shown as escapes. Each script has a folder, a home and a tenant
 * to itself.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { type Dsvault, openDsvault } from '../../support/dsvault.ts';
import { type RunningVault, useVault } from '../../support/running-vault.ts';

const folder = 'test/e2e/cli/scripts';
/** Appears in the secrets of all scripts. */
const canary = 'c4n4ry';

const shared = useVault();
const failing = useVault();

/**
 * Functions that scripts can use: `terminal` runs a command in a pseudo-terminal, `flat` runs a
 * command and joins the lines of its output, `key` disables and enables the master key, `token`
 * makes a token for the script's tenant, and `page` prints a document.
 */
const functions = `
  dsvault() { "${resolve('cli/dsvault.js')}" "$@"; }
  terminal() {
    local words=("$@")
    [ "$1" = dsvault ] && words[0]="${resolve('cli/dsvault.js')}"
    script -qec "\${COLUMNS:+stty cols $COLUMNS; }exec $(printf '%q ' "\${words[@]}")" /dev/null
  }
  flat() { "$@" 2>&1 | sed -z 's/\\n *//g'; local code="\${PIPESTATUS[0]}"; echo; return "$code"; }
  key() { (cd "${resolve('.')}" && node host/bin/launch.js host/bin/key.ts "$@"); }
  token() { (cd "${resolve('.')}" && node host/bin/launch.js host/bin/token.ts --tenant "$TENANT" --sub alice "$@"); }
  page() { cat "${resolve('docs')}/$1"; }
`;

type Stage = { readonly dsvault: Dsvault; readonly url: string };

const open = (vault: RunningVault, tenant: string): Stage => {
  const token = (claims = {}) => vault.token({ tenant, ...claims });
  const url = vault.baseUrl();
  const dsvault = openDsvault({
    DSVAULT_ADDR: url,
    DSVAULT_TOKEN: token(),
    TENANT: tenant,
    VAULT_DATA_DIR: vault.dataDir,
    OTHER_TOKEN: token({ tenant: `${tenant}-other` }),
    EMPTY_TOKEN: token({ tenant: `${tenant}-empty` }),
    BOBS_TOKEN: token({ sub: 'bob', names: ['A*'] }),
    WRITERS_TOKEN: token({ scope: 'secrets:write' }),
    LISTING_TOKEN: token({ scope: 'secrets:list secrets:write' }),
    EXPIRED_TOKEN: token({ exp: 1 }),
  });
  return { dsvault, url };
};

/** Replaces what differs between runs, and escapes control characters. */
const shown = (text: string, { dsvault, url }: Stage): string =>
  text
    .replaceAll(dsvault.folder, 'FOLDER')
    .replaceAll(url, 'URL')
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'INSTANT')
    .replaceAll(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, 'ID')
    .replaceAll(/("anchor": ?)"[A-Za-z0-9_-]{8}"/g, '$1"ANCHOR"')
    .replaceAll('\r', '\\r')
    .replaceAll(/[^\P{Cc}\n]/gu, (control) => `\\x${control.charCodeAt(0).toString(16)}`);

/** The lines of an output, each prefixed with `mark`. */
const linesOf = (stage: Stage, output: string, mark: string): string[] => {
  if (output === '') return [];
  const lines = shown(output, stage).split('\n');
  const last = lines.pop();
  return [...lines, ...(last === '' ? [] : [`${last} (no-eol)`])].map((line) => mark + line);
};

/**
 * Returns the line in the script if it matches what was printed, and otherwise the printed line.
 */
const asWritten = (printed: string, written = ''): string => {
  const parts = written.split('…').map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`).test(printed) ? written : printed;
};

/**
 * Runs the commands of a script again, and returns the script with the output that they have now.
 */
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
    // Run from a file, because other users can see command lines.
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

/**
 * The vault for a script. failures.txt disables the master key for a while, so it has a separate
 * vault.
 */
const vaultOf = (file: string): RunningVault => (file === 'failures.txt' ? failing : shared);

describe('dsvault', () => {
  // Two scripts run at once (maxConcurrency), because dsvault mostly waits for Node to start.
  it.concurrent.each(readdirSync(folder))(
    'behaves as %s says, and shows no value to other users',
    async (file) => {
      const page = readFileSync(join(folder, file), 'utf8');
      const stage = open(vaultOf(file), file.replace(/\W.*/, ''));
      expect(await replay(stage, page)).toBe(page);
      expect(stage.dsvault.seenIn(canary)).toEqual([]);
    },
    // A script has up to 90 commands.
    600_000,
  );
});
