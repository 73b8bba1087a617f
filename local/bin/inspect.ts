/**
 * `npm run inspect -- [--tenant T] [--secret NAME] [--verify] [--json]`: prints the items of the table as they are
 * stored, whether the vault runs or not. Sealed bytes are shown as their length and a short hash. Only `--verify` opens
 * values, and it does not show them either.
 */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { type Item, secretPartition } from '../../functions/dynamodb/items.ts';
import { failure, isFailure, sentenceOf } from '../../system/failures.ts';
import { type Connection, connectToFolder } from '../host/connect.ts';
import { dataFolderOf, root } from '../host/data-folder.ts';
import { runProgram } from '../host/program.ts';
import {
  checkTimeToLive,
  checkVault,
  queryItems,
  scanItems,
  type Violation,
} from '../verify/vault.ts';

type Shown = Readonly<Record<string, unknown>>;

const say = (line: string): void => void process.stdout.write(`${line}\n`);

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
const showItem = (item: Item): Shown =>
  Object.fromEntries(Object.entries(item).map(([name, value]) => [name, show(value)]));

/** Orders the items of a partition for a person: the head, then the versions from the latest to the first. */
const byAge = (a: Shown, b: Shown): number => {
  const rank = ({ sk }: Shown) => (sk === 'HEAD' ? '~' : String(sk));
  return rank(a) < rank(b) ? 1 : -1;
};

type Selection = { tenant?: string | undefined; secret?: string | undefined };

const isAsked = (pk: string, { tenant, secret }: Selection): boolean =>
  (tenant === undefined || pk.startsWith(`TENANT#${tenant}#`)) &&
  (secret === undefined || pk.endsWith(`#SECRET#${secret}`));

/** Prints one item: its sort key and interval on one line, its other attributes below. */
const linesOf = ({ pk: _, sk, validFrom, validTo, ...rest }: Shown): readonly string[] => {
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

/** Waits until the reader has taken most of it, as a whole table may be longer than memory. */
const print = async (text: string): Promise<void> => {
  if (text !== '' && !process.stdout.write(text)) await once(process.stdout, 'drain');
};

/** Prints the items as they come, partition by partition. `end` prints the last one, and returns how many there were. */
const createPrinter = (
  selection: Selection,
  format: (items: readonly Shown[], isFirst: boolean) => string,
) => {
  let held: Shown[] = [];
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

const textOf = (items: readonly Shown[]): string =>
  `\n${[items[0]?.['pk'], ...items.flatMap(linesOf)].join('\n')}\n`;
const jsonOf = (items: readonly Shown[], isFirst: boolean): string =>
  items
    .map((item, index) => `${isFirst && index === 0 ? '' : ','}\n${indented(item, '    ')}`)
    .join('');
const indented = (value: unknown, by: string): string =>
  JSON.stringify(value, undefined, 2).replaceAll(/^/gm, by);

const sayViolations = (violations: readonly Violation[]): void => {
  say('');
  for (const { pk, sk, problem } of violations)
    say(pk === '' ? problem : `${pk} ${sk}: ${problem}`);
  say(`verified the whole table: ${violations.length || 'no'} violations`);
};

/** Gives the selected items to `onPage`, and the violations of the whole table if they are asked for. */
const readAll = async (
  connection: Connection,
  { tenant, secret, verify }: Selection & { verify?: boolean | undefined },
  onPage: (items: readonly Item[]) => Promise<void>,
): Promise<readonly Violation[] | undefined> => {
  if (tenant === undefined || secret === undefined) {
    if (verify) return await checkVault(connection, onPage);
    for await (const page of scanItems(connection)) await onPage(page);
    return undefined;
  }
  const pk = secretPartition(tenant, secret);
  for await (const page of queryItems(connection, pk)) await onPage(page);
  return verify ? await checkVault(connection) : undefined;
};

const commandLine = {
  name: 'npm run inspect',
  does: 'shows the items of the table as they are stored, and no value',
  forms: [
    ['[--tenant T] [--secret NAME] [--verify] [--json]', 'all items, or only the selected ones'],
  ],
  options: {
    tenant: { value: 'T', does: 'only the items of this tenant' },
    secret: { value: 'NAME', does: 'only the items of the secret of this name' },
    verify: {
      does: 'check every invariant of the whole table; the exit code is 1 if one is broken',
    },
    json: { does: 'print one JSON document' },
  },
  examples: [
    'npm run -s inspect -- --tenant demo --secret DB_PASSWORD',
    'VAULT_DATA_DIR=.local/cluster/node-2 npm run -s inspect -- --verify',
    'AWS_ENDPOINT_URL_DYNAMODB=https://… AWS_ENDPOINT_URL_KMS=https://… npm run -s inspect -- --verify',
  ],
} as const;

await runProgram(commandLine, async ({ options: values }) => {
  const folder = dataFolderOf(process.env);
  const connection = await connectToFolder(root, folder);
  try {
    const { vaultId: vault, tableName: table, masterKeyId } = connection;
    const head = JSON.stringify({ vault, table, masterKeyId }, undefined, 2).slice(0, -2);
    await print(
      values.json
        ? `${head},\n  "items": [`
        : `vault ${vault}, table ${table}, master key ${masterKeyId}\n`,
    );
    const printer = createPrinter(values, values.json ? jsonOf : textOf);
    const ofTable = values.verify ? await checkTimeToLive(connection) : [];
    const ofItems = await readAll(connection, values, printer.add);
    const violations = ofItems && [...ofTable, ...ofItems];
    const count = await printer.end();
    if (values.json) {
      const told = violations && `,\n  "violations": ${indented(violations, '  ').trim()}`;
      say(`${count > 0 ? '\n  ' : ''}]${told ?? ''}\n}`);
    } else if (violations) sayViolations(violations);
    if (violations !== undefined && violations.length > 0) process.exitCode = 1;
    if (values.secret !== undefined && count === 0) {
      const whose = values.tenant === undefined ? 'any tenant' : `tenant ${values.tenant}`;
      throw failure(`there is no secret ${values.secret} of ${whose} in the table`);
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
