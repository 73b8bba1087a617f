/** The price of a month on AWS, from the calls and units of the operations and the list prices. */
import { type Cost, costs, keptBytes } from '../test/support/costs.ts';
import { costOf, type Price, prices, quotas } from './prices.ts';

/** The use in a month. */
export type Month = {
  readonly secrets: number;
  /** The stored versions of each secret, including the current one. */
  readonly versions: number;
  readonly creates: number;
  readonly updates: number;
  /** The number of reads of the latest value. */
  readonly reads: number;
};

const workOf = ({ reads, writes, kms }: Cost) => ({
  readUnits: reads,
  writeUnits: writes,
  masterKeyCalls: kms.length,
});

/**
 * The work of one operation without a key, with a value of at most 1 KB minus its overhead (docs/design/storage.md).
 */
const work = {
  create: workOf(costs['create-secret']),
  update: workOf(costs['update-secret']),
  get: workOf(costs['get-secret']),
} as const;

/** Sizes in bytes for values of 256 bytes. */
const sizes = {
  /** A version with names of 16 characters. */
  version: keptBytes.usual + 256,
  /** An entry of the index: its keys, and 100 bytes that DynamoDB adds. */
  indexEntry: 250,
  /** A reply with its headers. */
  reply: 1_000,
} as const;

/** Assumptions that no test here can measure. */
export const assumed = {
  /** The billed time of a function for one request, including a few milliseconds for each call to a service. */
  billedSeconds: 0.05,
  /** The function writes one line about each request, of 700 bytes, and Lambda two more. */
  logBytes: 1_200,
} as const;
/** `MemorySize` in template.yaml, in GB. */
export const memory = 0.5;
/** `Duration` of each operation that is used in every hour of the month (functions/runtime/journal.ts). */
const metrics = 14;
/** `LogRetentionDays` in template.yaml. */
export const monthsOfLogs = 3;

type Line = {
  readonly what: string;
  readonly quantity: number;
  readonly price: Price;
  readonly usd: number;
};

const line = (what: string, price: Price, quantity: number): Line => ({
  what,
  quantity,
  price,
  usd: costOf(price, quantity),
});

const gigabytes = (bytes: number): number => bytes / 1_000_000_000;

/** The lines of the bill: first those for use, then those without any use. */
export const billOf = ({ secrets, versions, creates, updates, reads }: Month): readonly Line[] => {
  const requests = creates + updates + reads;
  const sum = (part: keyof (typeof work)['get']): number =>
    creates * work.create[part] + updates * work.update[part] + reads * work.get[part];
  const table = gigabytes(secrets * versions * sizes.version);
  const logs = gigabytes(requests * assumed.logBytes);
  return [
    line('API Gateway', prices.gatewayRequests, requests),
    line('KMS, calls', prices.masterKeyCalls, sum('masterKeyCalls')),
    line('DynamoDB, reads', prices.readUnits, sum('readUnits')),
    line('DynamoDB, writes', prices.writeUnits, sum('writeUnits')),
    line('Lambda, requests', prices.invocations, requests),
    line('Lambda, time', prices.computing, requests * assumed.billedSeconds * memory),
    line('Replies', prices.transferOut, gigabytes(reads * sizes.reply)),
    line('Logs, written', prices.logIngestion, logs),
    line('Logs, kept', prices.logStorage, logs * monthsOfLogs),
    line('Metrics', prices.metrics, metrics),
    line('KMS, the key', prices.masterKey, 1),
    line('DynamoDB, kept', prices.tableStorage, table + gigabytes(secrets * sizes.indexEntry)),
    line('DynamoDB, point-in-time recovery', prices.pointInTimeRecovery, table),
  ];
};

export const totalOf = (bill: readonly Line[]): number =>
  bill.reduce((sum, { usd }) => sum + usd, 0);

const numberText = (value: number): string =>
  value.toLocaleString('en-US', { maximumSignificantDigits: value < 1 ? 2 : 15 });
const usdText = (value: number): string =>
  value > 0 && value < 0.005 ? 'below 0.01' : value.toFixed(2);

/** The bill as a Markdown table, with the arithmetic of each line. */
export const billTable = (bill: readonly Line[]): string => {
  const rows = bill.map(({ what, quantity, price: { usd, per, unit }, usd: cost }) => {
    const each = per === 1 ? `$${usd}` : `$${usd} per ${numberText(per)}`;
    return `| ${what} | ${numberText(quantity)} ${unit} × ${each} | ${usdText(cost)} |`;
  });
  const total = `| **All of it** | | **${totalOf(bill).toFixed(2)}** |`;
  return ['| what | quantity × price | $ a month |', '|---|---|---|', ...rows, total].join('\n');
};

/** A Markdown table of how often a second each operation can run before it reaches a quota of AWS. */
export const limitsTable = (): string => {
  const rows = Object.entries(work).map(
    ([operation, { readUnits, writeUnits, masterKeyCalls }]) => {
      const perSecret = Math.min(
        quotas.partitionReadUnits / readUnits,
        // The entry of the index is in another partition, that of the tenant.
        quotas.partitionWriteUnits / (operation === 'create' ? 1 : writeUnits),
      );
      const perTenant = operation === 'create' ? numberText(quotas.partitionWriteUnits) : '–';
      const { lowest, highest } = quotas.masterKeyCalls;
      const all = [lowest, highest].map((calls) => numberText(Math.floor(calls / masterKeyCalls)));
      const secret = operation === 'create' ? '–' : numberText(Math.floor(perSecret));
      return `| ${operation} | ${secret} | ${perTenant} | ${all.join(' to ')} |`;
    },
  );
  return [
    '| a second | of one secret | of one tenant | of all, by KMS |',
    '|---|---|---|---|',
    ...rows,
  ].join('\n');
};
