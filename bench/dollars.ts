/**
 * The price of each operation on AWS in US dollars, and of a month with many secrets compared with Secrets Manager and
 * Parameter Store. It multiplies the units of test/support/costs.ts by the prices of prices.ts, under the assumptions
 * of monthly.ts.
 */
import { type Cost, costs } from '../test/support/costs.ts';
import { assumed, billOf, memory, monthsOfLogs, totalOf } from './monthly.ts';
import { costOf, prices, quotas } from './prices.ts';

const million = 1_000_000;
const gigabyte = 1e9;

/** The billed seconds that each KMS call adds to a request with many of them, sixteen of which run at once. */
const masterKeyCallSeconds = 0.001;

/** The use of each secret in a month, and for how many months its versions are kept. */
const monthOfUse = { gets: 100, updates: 1, monthsKept: 12 } as const;

export type Dollars = {
  readonly store: number;
  readonly masterKey: number;
  readonly computing: number;
  readonly gateway: number;
  readonly logs: number;
};

export const sumOf = (dollars: Dollars): number =>
  Object.values(dollars).reduce((sum, each) => sum + each, 0);

/** The price of a million operations. */
export const dollarsPerMillion = ({ kms, reads, writes }: Cost): Dollars => {
  const seconds = assumed.billedSeconds + masterKeyCallSeconds * Math.max(0, kms.length - 1);
  const logs = (assumed.logBytes * million) / gigabyte;
  return {
    store: costOf(prices.readUnits, reads * million) + costOf(prices.writeUnits, writes * million),
    masterKey: costOf(prices.masterKeyCalls, kms.length * million),
    computing:
      costOf(prices.invocations, million) + costOf(prices.computing, seconds * memory * million),
    gateway: costOf(prices.gatewayRequests, million),
    logs: costOf(prices.logIngestion, logs) + costOf(prices.logStorage, logs * monthsOfLogs),
  };
};

/** The price of this many single reads or writes; `undefined` if the store does not offer as many secrets. */
type Rival = (secrets: number, calls: number) => number | undefined;

/** Prices with AWS managed master keys, which cost nothing a month. Secrets Manager's own calls of them are free. */
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

/** The price of a month, with all versions of the kept months stored. */
export const dollarsPerMonth = (secrets: number) => {
  const { gets, updates, monthsKept } = monthOfUse;
  const use = { creates: 0, updates: updates * secrets, reads: gets * secrets };
  const bill = billOf({ secrets, versions: 1 + updates * monthsKept, ...use });
  const calls = secrets * (gets + updates);
  const others = Object.entries(rivals).map(
    ([name, rival]) => [name, rival(secrets, calls)] as const,
  );
  return { vault: totalOf(bill), others };
};

/** The monthly reads of each secret above which a rival with rent for each secret costs less than the vault. */
export const breakEvenGets = (rentPerSecret: number, perMillionCalls: number): number =>
  (rentPerSecret * million) / (sumOf(dollarsPerMillion(costs['get-secret'])) - perMillionCalls);

/** The units of an item with this total size: for a consistent read, and for a write outside of a transaction. */
export const unitsOfItem = (bytes: number) => ({
  reads: Math.ceil(bytes / 4096),
  writes: Math.ceil(bytes / 1024),
});
