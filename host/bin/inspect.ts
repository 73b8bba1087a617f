/**
 * `npm run inspect -- [--tenant T] [--secret NAME] [--verify] [--json]` prints the items of the
 * table as they are stored, whether the vault runs or not. Sealed bytes are shown as their length
 * and a short hash. Only `--verify` opens values, and it does not show them either. With
 * `--verify`, items are printed only if `--tenant` or `--secret` selects them.
 */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { type Item, secretPartition } from '../../functions/store/items.ts';
import { failure, isFailure, sentenceOf } from '../../system/failures.ts';
import { shown, shownJson } from '../../system/terminal-text.ts';
import { stateOfKey } from '../kms/key-file.ts';
import { judgeByValues } from '../kms/key-proof.ts';
import { dataFolderOf } from '../process/data-folder.ts';
import { newProgram, report, runProgram, say } from '../process/program.ts';
import { type Connection, connectToFolder, namesServices } from '../vaults/connect.ts';
import { chooseDataFolder, folderOption } from '../vaults/find-vaults.ts';
import { findViolations, type Violation } from '../verify/find-violations.ts';
import { readStoredKeys } from '../verify/stored-keys.ts';

type PrintedItem = Readonly<Record<string, unknown>>;

const show = (value: AttributeValue): unknown => {
  const { S, N, B, L, M } = value;
  if (S !== undefined) return S;
  if (N !== undefined) return Number(N);
  if (L !== undefined) return L.map(show);
  if (M !== undefined) return showItem(M);
  if (B === undefined) return Object.keys(value).join();
  const hash = createHash('sha256').update(B).digest('hex').slice(0, 12);
  return `${B.length} bytes, sha256 ${hash}`;
};
const showItem = (item: Item): PrintedItem =>
  Object.fromEntries(Object.entries(item).map(([name, value]) => [name, show(value)]));

/**
 * Sorts the items of a partition for reading: the head, then the versions from the latest to the
 * first.
 */
const byAge = (a: PrintedItem, b: PrintedItem): number => {
  const rank = ({ sk }: PrintedItem) => (sk === 'HEAD' ? '~' : String(sk));
  return rank(a) < rank(b) ? 1 : -1;
};

type Selection = { tenant?: string | undefined; secret?: string | undefined };

const isAsked = (pk: string, { tenant, secret }: Selection): boolean =>
  (tenant === undefined || pk.startsWith(`TENANT#${tenant}#`)) &&
  (secret === undefined || pk.endsWith(`#SECRET#${secret}`));

/** Formats one item: its sort key and validity interval on one line, its other attributes below. */
const linesOf = ({ pk: _, sk, validFrom, validTo, ...rest }: PrintedItem): readonly string[] => {
  const interval = validFrom === undefined ? '' : `  [${validFrom}, ${validTo ?? 'now'})`;
  const attributes = Object.entries(rest).sort(([a], [b]) => (a < b ? -1 : 1));
  return [
    `  ${sk}${interval}`,
    ...attributes.map(
      ([name, value]) =>
        `    ${name}: ${typeof value === 'object' ? JSON.stringify(value) : value}`,
    ),
  ];
};

/**
 * Prints the text. If the output is read slowly, it waits until the reader has taken most of it,
 * because a whole table may be larger than memory.
 */
const print = async (text: string): Promise<void> => {
  if (text !== '' && !process.stdout.write(text)) await once(process.stdout, 'drain');
};

/**
 * Prints the items as they arrive, partition by partition. `end` prints the last partition and
 * returns the number of items that were printed.
 */
const createPrinter = (
  selection: Selection,
  format: (items: readonly PrintedItem[], isFirst: boolean) => string,
) => {
  let held: PrintedItem[] = [];
  let count = 0;
  const flush = (): string => {
    if (held.length === 0) return '';
    const text = format(held.sort(byAge), count === 0);
    count += held.length;
    held = [];
    return text;
  };
  return {
    add: async (page: readonly Item[]): Promise<void> => {
      let text = '';
      for (const item of page) {
        const pk = item['pk']?.S ?? '';
        if (!isAsked(pk, selection)) continue;
        if (pk !== held[0]?.['pk']) text += flush();
        held.push(showItem(item));
      }
      await print(text);
    },
    end: async (): Promise<number> => {
      await print(flush());
      return count;
    },
  };
};

const textOf = (items: readonly PrintedItem[]): string =>
  `\n${[String(items[0]?.['pk']), ...items.flatMap(linesOf)].map(shown).join('\n')}\n`;
const jsonOf = (items: readonly PrintedItem[], isFirst: boolean): string =>
  items
    .map((item, index) => `${isFirst && index === 0 ? '' : ','}\n${indented(item, '    ')}`)
    .join('');
const indented = (value: unknown, by: string): string => shownJson(value).replaceAll(/^/gm, by);

/**
 * Checks the master key in the file before `--verify` uses it. A key whose check value is
 * remembered needs no check here. Otherwise it is tried on some stored values, and a problem is
 * returned if it opens none of them, or if all values name another key. Without this check, a wrong
 * key would make every value look as if it had been changed.
 */
const findKeyProblems = async ({
  keyFile,
  table,
  vaultId,
  masterKeyId,
}: Connection): Promise<readonly string[]> => {
  // A key that cannot be used now is reported with the first value that needs it.
  if (keyFile === undefined || keyFile.isProved || stateOfKey(keyFile.key) !== 'usable') return [];
  const stored = await readStoredKeys({ table, vaultId }, masterKeyId);
  const why = judgeByValues(keyFile.file, keyFile.key.read(), stored);
  return why === undefined ? [] : [`${why}: put back a copy of the key`];
};

/** Prints the violations of the whole table as they are found, and returns how many there are. */
const printViolations = async (connection: Connection, isJson: boolean): Promise<number> => {
  let count = 0;
  const printOne = async (violation: Violation): Promise<void> => {
    const { pk, sk, problem } = violation;
    const line = pk === '' ? problem : `${pk} ${sk}: ${problem}`;
    const json = `${count === 0 ? '' : ','}\n${indented(violation, '    ')}`;
    await print(isJson ? json : `${shown(line)}\n`);
    count += 1;
  };
  await print(isJson ? ',\n  "violations": [' : '\n');
  const problems = [
    ...(await findKeyProblems(connection)),
    ...(await connection.table.findProblems()),
  ];
  for (const problem of problems) await printOne({ pk: '', sk: '', problem });
  for await (const violation of findViolations(connection)) await printOne(violation);
  if (isJson) await print(`${count > 0 ? '\n  ' : ''}]`);
  else say(`verified the whole table: ${count || 'no'} violations`);
  return count;
};

/**
 * Passes the pages of the table to `onPage`; if tenant and secret are both selected, only the pages
 * of that secret.
 */
const readItems = async (
  { table }: Connection,
  { tenant, secret }: Selection,
  onPage: (items: readonly Item[]) => Promise<void>,
): Promise<void> => {
  const isOneSecret = tenant !== undefined && secret !== undefined;
  const pk = isOneSecret ? secretPartition(tenant, secret) : undefined;
  for await (const page of table.pages(pk)) await onPage(page);
};

const program = newProgram(
  'npm run inspect --',
  'shows the items of the table as they are stored, and no value',
  [
    'npm run -s inspect -- --tenant demo --secret DB_PASSWORD',
    'npm run -s inspect -- --for cluster --verify',
    'AWS_ENDPOINT_URL_DYNAMODB=https://… AWS_ENDPOINT_URL_KMS=https://… npm run -s inspect -- --verify',
  ],
)
  .option('--tenant <tenant>', 'only the items of this tenant')
  .option('--secret <name>', 'only the items of the secret with this name')
  .option(
    '--verify',
    'check every invariant of the whole table; the exit code is 1 if one is broken',
  )
  .option(...folderOption)
  .option('--json', 'print one JSON document');

program.action(async (values) => {
  const folder = namesServices(process.env)
    ? undefined
    : await chooseDataFolder(process.env, values.for);
  const connection = await connectToFolder(folder ?? dataFolderOf(process.env));
  try {
    const { vaultId: vault, tableName: table, masterKeyId } = connection;
    const head = JSON.stringify({ folder, vault, table, masterKeyId }, undefined, 2).slice(0, -2);
    const from = folder === undefined ? '' : ` in ${folder}`;
    await print(
      values.json
        ? `${head},\n  "items": [`
        : `vault ${vault}${from}, table ${table}, master key ${masterKeyId}\n`,
    );
    const printer = createPrinter(values, values.json ? jsonOf : textOf);
    const isSelective = values.tenant !== undefined || values.secret !== undefined;
    if (isSelective || !values.verify) await readItems(connection, values, printer.add);
    const count = await printer.end();
    if (values.json) await print(`${count > 0 ? '\n  ' : ''}]`);
    if (values.verify && (await printViolations(connection, values.json ?? false)) > 0) {
      process.exitCode = 1;
    }
    if (values.json) say('\n}');
    if (values.secret !== undefined && count === 0) {
      const whose = values.tenant === undefined ? 'any tenant' : `tenant ${values.tenant}`;
      throw failure(`there is no secret ${values.secret} of ${whose} in the table`);
    }
    if (values.tenant !== undefined && count === 0) {
      report(`there is nothing of tenant ${shown(values.tenant)} in the table`);
    }
  } catch (error) {
    if (isFailure(error)) throw error;
    throw failure(`the table ${connection.tableName} cannot be read: ${sentenceOf(error)}`, {
      cause: error,
    });
  } finally {
    await connection.close();
  }
});

await runProgram(program);
