/**
 * A client of the distributed secrets vault for Node 20 and later.
 *
 * Each action has one idempotency key, so repeating it after a lost answer has no second effect. The client
 * itself repeats a request while the vault says that it may help, or while no answer comes.
 */
import { eachDetails, eachName, eachVersion } from './pages.ts';
import type { Options, Request, Sender } from './sending.ts';
import { sendingTo } from './sending.ts';
import type {
  BodyOf,
  ReplyOf,
  SecretDetails,
  SecretVersion,
  VersionEntry,
  WrittenVersion,
} from './types.ts';

export { isVaultError, type VaultError } from './errors.ts';
export type {
  ClientEvent,
  Exchange,
  OperationInput,
  Options,
  Request,
  Sender,
  TokenSource,
} from './sending.ts';
export type * from './types.ts';

/** A value: text, or bytes. The vault keeps bytes that are no UTF-8 as they are. */
export type Value = string | Uint8Array;

type Signal = Pick<Options, 'signal'>;
type Names = {
  readonly prefix?: string | undefined;
  readonly state?: 'stored' | 'deleted' | undefined;
};

/** The methods for one vault. A method throws what `Request` says. */
export type VaultClient = {
  /** Stores a new secret. Error `secret_exists` if there is one of this name. */
  readonly create: (name: string, value: Value, options?: WriteOptions) => Promise<WrittenVersion>;
  /** Stores the next version. Errors: `not_found`; `version_conflict` if `ifVersion` is not current. */
  readonly update: (name: string, value: Value, options?: WriteOptions) => Promise<WrittenVersion>;
  /**
   * Stores the value of the version `from` as the next version of `name`, and shows no value. Errors:
   * `not_found`, with the field `from` if that is missing; `secret_exists` with `create`; `version_destroyed`;
   * `version_conflict`.
   */
  readonly copy: (
    name: string,
    from: CopySource,
    options?: WriteOptions & { readonly create?: boolean | undefined },
  ) => Promise<ReplyOf<'copy-secret'>>;
  /** The current version, that of a number, or the one valid `at` an instant (RFC 3339). Error `not_found`. */
  readonly get: (name: string, options?: WhichVersion & Signal) => Promise<SecretVersion>;
  /** Deletes a secret. Its history stays, and its name can be created again. */
  readonly delete: (name: string, options?: WriteOptions) => Promise<WrittenVersion>;
  /** The versions, the newest first unless asked. Pages are read as they are needed. */
  readonly versions: (name: string, options?: Versions & Signal) => AsyncGenerator<VersionEntry>;
  /** Removes the value of an old version for ever. Errors `version_current`, `not_destroyable`. */
  readonly destroy: (
    name: string,
    version: number,
    options?: Signal,
  ) => Promise<ReplyOf<'destroy-version'>>;
  /** The names in ascending order. A list may lag behind a write. */
  readonly names: (options?: Names & Signal) => AsyncGenerator<string>;
  /** The names, each with what its current version says of itself, without values. */
  readonly details: (options?: Names & Signal) => AsyncGenerator<SecretDetails>;
  /** Puts values for `secret(NAME)` in a `.env` file. With `unless`, an unchanged file has no content. */
  readonly expandEnv: (
    body: BodyOf<'expand-env'>,
    options?: Signal,
  ) => Promise<ReplyOf<'expand-env'>>;
  /**
   * Stores the value of each `enc(NAME)` as a new secret, and of each `enc(NAME@next)` as the next version, all or none.
   * Returns the file with references.
   */
  readonly encryptEnv: (
    body: BodyOf<'encrypt-env'>,
    options?: Options,
  ) => Promise<ReplyOf<'encrypt-env'>>;
  /** The caller as the vault knows it: its tenant, subject, scopes and names. */
  readonly whoami: (options?: Signal) => Promise<ReplyOf<'whoami'>>;
  /** Whether the store and the master key can be used. */
  readonly status: (options?: Signal) => Promise<ReplyOf<'get-status'>>;
  /** Any operation of the API by its name. */
  readonly request: Request;
};

/** A version of the secret itself, or a version, by default the current one, of the secret `name`. */
type CopySource = BodyOf<'copy-secret'>['from'];
type WriteOptions = Options & { readonly note?: string | undefined };
type WhichVersion = {
  readonly version?: number | undefined;
  /** An instant in UTC (RFC 3339 with `Z`), at most 10 minutes ahead. */
  readonly at?: string | undefined;
};
type Versions = {
  readonly order?: 'asc' | 'desc' | undefined;
  /** Gives the values, too. */
  readonly values?: boolean | undefined;
};

/** Opens a client, which needs no closing. Throws a `TypeError` for a wrong `addr`. */
export const createClient = (sender: Sender): VaultClient => {
  const request = sendingTo(sender);
  return {
    create: (name, value, { note, ...options } = {}) =>
      request('create-secret', { body: { name, note, ...spelled(value) }, ...options }),
    update: (name, value, { note, ...options } = {}) =>
      request('update-secret', { name, body: { note, ...spelled(value) }, ...options }),
    copy: (name, from, { note, create, ...options } = {}) =>
      request('copy-secret', { name, body: { from, create, note }, ...options }),
    get: (name, { signal, version, at } = {}) => {
      const query = { version: version === undefined ? undefined : String(version), at };
      return request('get-secret', { name, query, signal });
    },
    delete: (name, { note, ...options } = {}) =>
      request('delete-secret', { name, body: { note }, ...options }),
    versions: (name, { signal, order, values } = {}) =>
      eachVersion(request, name, { order, include: values ? 'values' : undefined }, signal),
    destroy: (name, version, options) => request('destroy-version', { name, version, ...options }),
    names: ({ signal, ...names } = {}) => eachName(request, names, signal),
    details: ({ signal, ...names } = {}) => eachDetails(request, names, signal),
    expandEnv: (body, options) => request('expand-env', { body, ...options }),
    encryptEnv: (body, options) => request('encrypt-env', { body, ...options }),
    whoami: (options) => request('whoami', options),
    status: (options) => request('get-status', options),
    request,
  };
};

const spelled = (value: Value) =>
  typeof value === 'string'
    ? { value }
    : { value: Buffer.from(value).toString('base64'), encoding: 'base64' as const };

/** The bytes of a value that the vault returned. */
export const bytesOf = ({
  value,
  encoding,
}: Pick<SecretVersion, 'value' | 'encoding'>): Uint8Array =>
  Uint8Array.from(Buffer.from(value, encoding));
