/**
 * What each operation costs on AWS, in US dollars, and a month of many secrets, beside Secrets Manager and Parameter
 * Store: the units of test/support/costs.ts at the prices of prices.ts, with what monthly.ts assumes of the rest.
 */
import { type Cost, costs } from '../support/costs.ts';
import { assumed, billOf, memory, monthsOfLogs, totalOf } from './monthly.ts';
import { costOf, prices, quotas } from './prices.ts';

const million = 1_000_000;
const gigabyte = 1e9;

/** What a call to KMS adds to what is billed for a request of many of them: sixteen run at once. */
const masterKeyCallSeconds = 0.001;

/** What each secret is used for in a month, and how many months of its updates are kept. */
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

/** Of a million operations. */
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

/** Of so many single reads or writes; `undefined` where it does not offer as many secrets. */
type Rival = (secrets: number, calls: number) => number | undefined;

/** With the master keys that AWS manages, which cost nothing a month; Secrets Manager's own calls of them are free. */
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
  const { gets, updates, monthsKept } = monthOfUse;
  const use = { creates: 0, updates: updates * secrets, reads: gets * secrets };
  const bill = billOf({ secrets, versions: 1 + updates * monthsKept, ...use });
  const calls = secrets * (gets + updates);
  const others = Object.entries(rivals).map(
    ([name, rival]) => [name, rival(secrets, calls)] as const,
  );
  return { vault: totalOf(bill), others };
};

/** From how many reads of each secret a month on a rival that takes rent for it costs less than the vault. */
export const breakEvenGets = (rentPerSecret: number, perMillionCalls: number): number =>
  (rentPerSecret * million) / (sumOf(dollarsPerMillion(costs['get-secret'])) - perMillionCalls);

/** Units of an item that takes so many bytes in all: of a consistent read, and of a write outside of a transaction. */
export const unitsOfItem = (bytes: number) => ({
  reads: Math.ceil(bytes / 4096),
  writes: Math.ceil(bytes / 1024),
});
