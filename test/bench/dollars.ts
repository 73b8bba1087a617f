/**
 * What the vault costs on AWS, in US dollars: the units of test/support/costs.ts at the prices of prices.ts, beside
 * Secrets Manager and Parameter Store. What no test of this repository can measure is assumed, and stands in `assumed`.
 */
import { type Cost, costs, keptBytes } from '../support/costs.ts';
import { costOf, prices, quotas } from './prices.ts';

const million = 1_000_000;
const gigabyte = 1e9;

const assumed = {
  /** Billed for a request, and for each call to KMS of it, at the memory that template.yaml gives a function. */
  computingMs: { request: 30, masterKeyCall: 1 },
  memoryGb: 0.5,
  /** The function's lines and Lambda's own, of one request. */
  logBytes: 1_000,
  /** What DynamoDB adds to the size of each item and of each entry of an index, and such an entry's own size. */
  storage: { overheadBytes: 100, indexEntryBytes: 100 },
  /** Five of each operation's own, and five of each method of the gateway: at most, as an hour without use costs none. */
  metrics: 100,
  /** What each secret is used for in a month, the size of its value, and for how many months it has been kept. */
  month: { gets: 100, updates: 1, valueBytes: 256, monthsKept: 12 },
} as const;

export type Dollars = {
  readonly store: number;
  readonly masterKey: number;
  readonly computing: number;
  readonly gateway: number;
  readonly logs: number;
};

export const totalOf = (dollars: Dollars): number =>
  Object.values(dollars).reduce((sum, each) => sum + each, 0);

/** Of a million operations. */
export const dollarsPerMillion = ({ kms, reads, writes }: Cost): Dollars => {
  const { request, masterKeyCall } = assumed.computingMs;
  const seconds = ((request + masterKeyCall * kms.length) / 1000) * million;
  return {
    store: costOf(prices.readUnits, reads * million) + costOf(prices.writeUnits, writes * million),
    masterKey: costOf(prices.masterKeyCalls, kms.length * million),
    computing:
      costOf(prices.invocations, million) + costOf(prices.computing, seconds * assumed.memoryGb),
    gateway: costOf(prices.gatewayRequests, million),
    logs: costOf(prices.logIngestion, (assumed.logBytes * million) / gigabyte),
  };
};

/** Of so many single reads or writes; `undefined` where it does not offer as many secrets. */
type Rival = (secrets: number, calls: number) => number | undefined;

/** With the master keys that AWS manages, which cost nothing a month; Secrets Manager's calls of its own are free. */
export const rivals = {
  'Secrets Manager': (secrets, calls) =>
    secrets > quotas.secretsManagerSecrets
      ? undefined
      : costOf(prices.secretsManagerSecrets, secrets) + costOf(prices.secretsManagerCalls, calls),
  'Parameter Store, standard': (secrets, calls) =>
    secrets > quotas.standardParameters ? undefined : costOf(prices.masterKeyCalls, calls),
  'Parameter Store, advanced': (secrets, calls) =>
    secrets > quotas.advancedParameters
      ? undefined
      : costOf(prices.advancedParameters, secrets) +
        costOf(prices.parameterCalls, calls) +
        costOf(prices.masterKeyCalls, calls),
} as const satisfies Readonly<Record<string, Rival>>;

/** Of a month, with every version kept that so many months of updates have left. */
export const dollarsPerMonth = (secrets: number) => {
  const { gets, updates, valueBytes, monthsKept } = assumed.month;
  const { overheadBytes, indexEntryBytes } = assumed.storage;
  const items = secrets * (1 + updates * monthsKept);
  const tableGb = (items * (keptBytes.usual + valueBytes + overheadBytes)) / gigabyte;
  const indexGb = (secrets * (indexEntryBytes + overheadBytes)) / gigabyte;
  const each = (operation: Cost, count: number) =>
    (totalOf(dollarsPerMillion(operation)) * count * secrets) / million;
  const vault = {
    requests: each(costs['get-secret'], gets) + each(costs['update-secret'], updates),
    kept:
      costOf(prices.tableStorage, tableGb + indexGb) +
      costOf(prices.pointInTimeRecovery, tableGb) +
      costOf(prices.masterKey, 1) +
      costOf(prices.metrics, assumed.metrics),
  };
  const calls = secrets * (gets + updates);
  const others = Object.entries(rivals).map(
    ([name, rival]) => [name, rival(secrets, calls)] as const,
  );
  return { vault, others };
};

/** From how many reads of each secret a month on a rival that takes rent for it costs less than the vault. */
export const breakEvenGets = (rentPerSecret: number, perMillionCalls: number): number =>
  (rentPerSecret * million) / (totalOf(dollarsPerMillion(costs['get-secret'])) - perMillionCalls);

/** Units of an item that takes so many bytes in all: of a consistent read, and of a write outside of a transaction. */
export const unitsOfItem = (bytes: number) => ({
  reads: Math.ceil(bytes / 4096),
  writes: Math.ceil(bytes / 1024),
});
