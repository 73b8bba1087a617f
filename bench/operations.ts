/** The measured operations, and how to prepare any store of secrets for them. */
import { randomBytes } from 'node:crypto';
import type { Description, Performer, Secret, SingleOperation } from './described.ts';
import type { Sender } from './http.ts';
import type { Task } from './load.ts';

export const operations = [
  'create',
  'update',
  'get',
  'version',
  'versions',
  'encrypt',
  'expand',
] as const;
export type Operation = (typeof operations)[number];

/**
 * Prepares an operation and returns the task that performs it; `undefined` if the store does not
 * have it. Nothing else uses the secrets that are prepared for it.
 */
export type Preparer = (operation: Operation, clients: number) => Promise<Task | undefined>;

/** The number of secrets that a `.env` file names. */
export const fileNames = 40;
/**
 * The number of secrets that are read in rotation. The secrets whose versions are listed are
 * `listedSecrets`, with `listedVersions` versions each.
 */
const readSecrets = 40;
const listedSecrets = 8;
const listedVersions = 10;

/** Returns a new value of 256 characters. */
const newValue = (): string => randomBytes(128).toString('hex');
/** A prefix for names that nothing else in this run or another run uses. */
const newPrefix = (letter: string): string => `${letter}${randomBytes(5).toString('hex')}`;

const times = <Result>(count: number, make: (index: number) => Result): Result[] =>
  Array.from({ length: count }, (_, index) => make(index));

const newSecret = (name: string): Secret => ({ name, value: newValue() });

/**
 * Creates this many secrets with this many versions each. One client creates them all, because a
 * node that lags behind would refuse updates of what another node created.
 */
const makeSecrets = async (
  perform: Performer,
  count: number,
  versions: number,
): Promise<readonly Secret[]> => {
  const prefix = newPrefix('P');
  const secrets = times(count, (index) => newSecret(`${prefix}_${index}`));
  for (const secret of secrets) {
    await perform(0, 'create', secret);
    for (let more = 1; more < versions; more += 1) await perform(0, 'update', secret);
  }
  return secrets;
};

/** Returns a task that reads the next of these secrets each time, in rotation. */
const reading = (
  perform: Performer,
  operation: SingleOperation,
  secrets: readonly Secret[],
): Task => {
  let turn = 0;
  return (client) => {
    turn += 1;
    return perform(client, operation, { ...secrets[turn % secrets.length] });
  };
};

/**
 * Prepares the operations on single secrets, for any store. Those that the description lacks are
 * not measured.
 */
export const prepareSingles =
  ({ operations: known }: Description, perform: Performer): Preparer =>
  async (operation, clients) => {
    if (operation === 'encrypt' || operation === 'expand' || !known[operation]) return undefined;
    switch (operation) {
      case 'create': {
        const prefix = newPrefix('C');
        let count = 0;
        return (client) => {
          count += 1;
          return perform(client, 'create', newSecret(`${prefix}_${count}`));
        };
      }
      case 'update': {
        const secrets = await makeSecrets(perform, clients, 1);
        return (client) => {
          const secret = secrets[client] ?? {};
          secret['value'] = newValue();
          return perform(client, 'update', secret);
        };
      }
      case 'get':
        return reading(perform, operation, await makeSecrets(perform, readSecrets, 1));
      case 'version':
        return reading(perform, operation, await makeSecrets(perform, readSecrets, 2));
      case 'versions': {
        const secrets = await makeSecrets(perform, listedSecrets, listedVersions);
        return reading(perform, operation, secrets);
      }
    }
  };

/**
 * Prepares the operations of the vault, on single secrets and on files. `token` may read and write
 * all names.
 */
export const prepareVault = (
  vault: Description,
  perform: Performer,
  send: Sender,
  token: string,
): Preparer => {
  const singles = prepareSingles(vault, perform);
  const headers = { Authorization: `Bearer ${token}`, 'Content-Type': 'text/plain' };
  const post = async (client: number, path: string, lines: readonly string[]): Promise<void> => {
    const body = `${lines.join('\n')}\n`;
    const { status, text } = await send(client, { method: 'POST', path, headers, body });
    if (status !== 200) throw new Error(`${path} answered ${status}: ${text.slice(0, 300)}`);
  };
  return async (operation, clients) => {
    if (operation === 'encrypt') {
      return (client) => {
        const prefix = newPrefix('E');
        const lines = times(
          fileNames,
          (index) => `${prefix}_${index}=${newValue()}\nX${index}=enc(${prefix}_${index})`,
        );
        return post(client, '/v1/env/encrypt', lines);
      };
    }
    if (operation === 'expand') {
      const secrets = await makeSecrets(perform, fileNames, 1);
      const lines = secrets.map(({ name }, index) => `X${index}=secret(${name})`);
      return (client) => post(client, '/v1/env/expand', lines);
    }
    return await singles(operation, clients);
  };
};
