/**
 * `npm run inspect -- [--tenant T] [--secret NAME] [--verify] [--json]`: prints the items of the table as they are
 * stored, whether the vault runs or not. Sealed bytes are shown as their length and a short hash. Only `--verify` opens
 * values, and it does not show them either.
 */
import { createHash } from 'node:crypto';
import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import type { Item } from '../../functions/dynamodb/items.ts';
import { failure, isFailure, sentenceOf } from '../../system/failures.ts';
import { type Connection, connectToFolder } from '../host/connect.ts';
import { dataFolderOf, root } from '../host/data-folder.ts';
import { runProgram } from '../host/program.ts';
import { checkVault, scanItems, type Violation } from '../verify/vault.ts';

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

/**
 * Orders the items for a person: by partition; in each partition the head, then the versions from the latest to the
 * first.
 */
const byAge = (a: Shown, b: Shown): number => {
  const rank = ({ pk, sk }: Shown) => [String(pk), sk === 'HEAD' ? '~' : String(sk)] as const;
  const [[pkA, skA], [pkB, skB]] = [rank(a), rank(b)];
  if (pkA !== pkB) return pkA < pkB ? -1 : 1;
  return skA < skB ? 1 : -1;
};

const isAsked = (pk: string, tenant: string | undefined, secret: string | undefined): boolean =>
  (tenant === undefined || pk.startsWith(`TENANT#${tenant}#`)) &&
  (secret === undefined || pk.endsWith(`#SECRET#${secret}`));

const readItems = async (
  connection: Connection,
  { tenant, secret }: { tenant?: string | undefined; secret?: string | undefined },
): Promise<readonly Shown[]> => {
  const items: Shown[] = [];
  for await (const page of scanItems(connection)) {
    items.push(...page.map(showItem).filter(({ pk }) => isAsked(String(pk), tenant, secret)));
  }
  return items.sort(byAge);
};

/** Prints one item: its sort key and interval on one line, its other attributes below. */
const sayItem = ({ pk: _, sk, validFrom, validTo, ...rest }: Shown): void => {
  const interval = validFrom === undefined ? '' : `  [${validFrom}, ${validTo ?? 'now'})`;
  say(`  ${sk}${interval}`);
  const attributes = Object.entries(rest).sort(([a], [b]) => (a < b ? -1 : 1));
  for (const [name, value] of attributes) {
    say(`    ${name}: ${typeof value === 'object' ? JSON.stringify(value) : value}`);
  }
};

const sayAll = (connection: Connection, items: readonly Shown[]): void => {
  const { vaultId, tableName, masterKeyId } = connection;
  say(`vault ${vaultId}, table ${tableName}, master key ${masterKeyId}`);
  let partition: unknown;
  for (const item of items) {
    if (item['pk'] !== partition) say(`\n${item['pk']}`);
    partition = item['pk'];
    sayItem(item);
  }
};

const sayViolations = (violations: readonly Violation[]): void => {
  say('');
  for (const { pk, sk, problem } of violations) say(`${[pk, sk].join(' ').trim()}: ${problem}`);
  say(`verified the whole table: ${violations.length || 'no'} violations`);
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
  ],
} as const;

await runProgram(commandLine, async ({ options: values }) => {
  const folder = dataFolderOf(process.env);
  const connection = await connectToFolder(root, folder);
  try {
    const items = await readItems(connection, values);
    const violations = values.verify ? await checkVault(connection) : undefined;
    if (values.json) {
      const { vaultId: vault, tableName: table, masterKeyId } = connection;
      say(JSON.stringify({ vault, table, masterKeyId, items, violations }, undefined, 2));
    } else {
      sayAll(connection, items);
      if (violations) sayViolations(violations);
    }
    if (violations !== undefined && violations.length > 0) process.exitCode = 1;
    if (values.secret !== undefined && items.length === 0) {
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
