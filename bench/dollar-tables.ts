/** The Markdown tables about AWS in docs/performance.md; `npm run bench -- cost` prints them. */
import { limits } from '../functions/model/limits.ts';
import { type Cost, costs, envCost, getAtCost, keptBytes } from '../test/support/costs.ts';
import {
  breakEvenGets,
  type Dollars,
  dollarsPerMillion,
  dollarsPerMonth,
  rivals,
  sumOf,
  unitsOfItem,
} from './dollars.ts';
import { costOf, prices, quotas } from './prices.ts';

const million = 1_000_000;

const tableOf = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map((_, column) => (column === 0 ? '---' : '---:')), ...rows]
    .map((cells) => `| ${cells.join(' | ')} |`)
    .join('\n');

const cents = (dollars: number): string => dollars.toFixed(2);
const whole = (number: number): string => Math.round(number).toLocaleString('en-US');

/** A file with `unless`: the heads are read, and nothing is opened. */
const unchangedFile: Cost = { ...costs['expand-env of 40 names'], kms: [] };

/** The priced operations, and how many single calls of another store do the same work. */
const priced: readonly (readonly [string, Cost, number])[] = [
  ['create', costs['create-secret'], 1],
  ['create, keyed', costs['create-secret, keyed'], 1],
  ['create over a deletion', costs['create-secret over a deletion'], 1],
  ['update', costs['update-secret'], 1],
  ['update, keyed', costs['update-secret, keyed'], 1],
  ['delete', costs['delete-secret'], 1],
  ['delete, keyed', costs['delete-secret, keyed'], 1],
  ['destroy a version', costs['destroy-version'], 1],
  ['get, latest', costs['get-secret'], 1],
  ['get, latest, unchanged', costs['get-secret, unchanged'], 1],
  ['get, version n', costs['get-secret by version'], 1],
  ['get, at an instant among 10,000 versions', getAtCost(10_000), 1],
  ['get, not found', costs['get-secret, not found'], 1],
  ['explain', costs['explain-secret'], 1],
  ['page of 10 versions', costs['list-versions'], 1],
  ['page of 10 versions, with values', costs['list-versions with values'], 10],
  ['page of 100 names', costs['list-secrets'], 1],
  ['page of 10 names, with details', costs['list-secrets with details'], 1],
  ['`.env`, 40 new names', costs['encrypt-env of 40 names'], 40],
  ['`.env`, 40 known names', costs['expand-env of 40 names'], 40],
  ['`.env`, 40 known names, unchanged', unchangedFile, 40],
  [
    '`.env`, 20 new and 20 known, keyed',
    costs['submit-env of 20 new names and 20 known, keyed'],
    40,
  ],
];

const perMillion = (): string =>
  tableOf(
    ['a million of', 'DynamoDB', 'KMS', 'Lambda', 'API Gateway', 'logs', 'all', 'Secrets Manager'],
    priced.map(([name, cost, singles]) => {
      const dollars: Dollars = dollarsPerMillion(cost);
      const { store, masterKey, computing, gateway, logs } = dollars;
      const parts = [store, masterKey, computing, gateway, logs, sumOf(dollars)];
      const other = costOf(prices.secretsManagerCalls, singles * million);
      return [name, ...parts.map(cents), cents(other)];
    }),
  );

const polls = (): string => {
  const price = (cost: Cost): number => sumOf(dollarsPerMillion(cost));
  const [secret, file] = [costs['get-secret'], costs['expand-env of 40 names']].map(price);
  const [sameSecret, sameFile] = [costs['get-secret, unchanged'], unchangedFile].map(price);
  const instead = (same = 0, whole = 0): string =>
    `${cents(same)} dollars, not ${cents(whole)}, which is ${Math.round((100 * same) / whole)} %`;
  return [
    `- a secret with \`If-None-Match\`: ${instead(sameSecret, secret)};`,
    `- a file of 40 names with \`unless\`: ${instead(sameFile, file)}.`,
  ].join('\n');
};

const perMonth = (): string =>
  tableOf(
    ['secrets', 'vault', ...Object.keys(rivals)],
    [1_000, 100_000, 10_000_000].map((secrets) => {
      const { vault, others } = dollarsPerMonth(secrets);
      const shown = others.map(([, dollars]) =>
        dollars === undefined ? 'not offered' : whole(dollars),
      );
      return [whole(secrets), whole(vault), ...shown];
    }),
  );

const evens = (): string => {
  const { secretsManagerCalls, secretsManagerSecrets } = prices;
  const gets = breakEvenGets(
    costOf(secretsManagerSecrets, 1),
    costOf(secretsManagerCalls, million),
  );
  return `Secrets Manager costs less from ${whole(Math.round(gets / 1000) * 1000)} reads of each secret a month on.`;
};

const perSecond = (units: number, each: number): string => {
  const rate = units / each;
  return rate < 10 ? rate.toFixed(1) : whole(Math.floor(rate));
};

const bindings = (): string => {
  const { partitionReadUnits, partitionWriteUnits, tableUnits, masterKeyCalls } = quotas;
  const largest = unitsOfItem(limits.valueBytesMax + keptBytes.largest);
  const { lowest, highest } = masterKeyCalls;
  const file = envCost({ read: 40 }).kms.length;
  const update = costs['update-secret'];
  const rows: readonly (readonly [string, string, string])[] = [
    [
      'reads of one secret',
      perSecond(partitionReadUnits, costs['get-secret'].reads),
      'its partition',
    ],
    [
      'reads of one secret of 64 KiB',
      perSecond(partitionReadUnits, largest.reads),
      'its partition',
    ],
    [
      'reads of versions of one secret',
      perSecond(partitionReadUnits, costs['get-secret by version'].reads),
      'its partition',
    ],
    ['updates of one secret', perSecond(partitionWriteUnits, update.writes), 'its partition'],
    [
      'updates of one secret of 64 KiB',
      perSecond(partitionWriteUnits, 2 * 2 * largest.writes),
      'its partition',
    ],
    [
      'creates of one tenant',
      perSecond(partitionWriteUnits, 1),
      "the index's partition, until it is split",
    ],
    ['updates of all secrets', perSecond(tableUnits, update.writes), "the table's quota"],
    [
      'reads, creates and updates of all secrets',
      `${whole(lowest)} to ${whole(highest)}`,
      "KMS's quota, by Region",
    ],
    [
      'unchanged reads of all secrets',
      perSecond(tableUnits, costs['get-secret, unchanged'].reads),
      "the table's quota",
    ],
    [
      '`.env` files of 40 names',
      `${perSecond(lowest, file)} to ${perSecond(highest, file)}`,
      "KMS's quota, by Region",
    ],
  ];
  return tableOf(['what', 'a second', 'bound by'], rows);
};

/** The tables by their names in the page. */
export const dollarTables = (): readonly string[] => [
  perMillion(),
  polls(),
  perMonth(),
  evens(),
  bindings(),
];
