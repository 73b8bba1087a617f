/**
 * A client of the distributed secrets vault for Node 22.12 and later.
 *
 * Each write has one idempotency key, so retrying it after a lost answer has no second effect. A
 * destruction needs no key for that. The client retries a request by itself if no answer arrives,
 * or if the vault says that a retry may succeed.
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

/** A value, as text or bytes. The vault stores bytes that are not UTF-8 unchanged. */
export type Value = string | Uint8Array;

type Signal = Pick<Options, 'signal'>;
type Names = {
  readonly prefix?: string | undefined;
  readonly state?: 'stored' | 'deleted' | undefined;
};

/**
 * A client for one vault, with a method for each operation. `Request` in sending.ts says what they
 * throw.
 */
export type VaultClient = {
  /** Stores a new secret. Error `secret_exists` if the name exists. */
  readonly create: (name: string, value: Value, options?: WriteOptions) => Promise<WrittenVersion>;
  /**
   * Stores the next version. Errors: `not_found`; `version_conflict` if `ifVersion` is not current.
   */
  readonly update: (name: string, value: Value, options?: WriteOptions) => Promise<WrittenVersion>;
  /**
   * Stores the value of the version `from` as the next version of `name`, without returning it.
   * Errors: `not_found`, with the field `from` if the version to copy is missing; `secret_exists`
   * with `create`; `version_destroyed`; `version_conflict`.
   */
  readonly copy: (
    name: string,
    from: CopySource,
    options?: WriteOptions & { readonly create?: boolean | undefined },
  ) => Promise<ReplyOf<'copy-secret'>>;
  /**
   * Returns the current version, the one with a number, or the one valid `at` an instant (RFC
   * 3339). Errors: `not_found`; `version_destroyed`.
   */
  readonly get: (name: string, options?: WhichVersion & Signal) => Promise<SecretVersion>;
  /** Deletes a secret. Its history stays, and its name can be created again. */
  readonly delete: (name: string, options?: WriteOptions) => Promise<WrittenVersion>;
  /**
   * Lists the versions of a secret, newest first by default. Pages are requested as they are
   * needed.
   */
  readonly versions: (name: string, options?: Versions & Signal) => AsyncGenerator<VersionEntry>;
  /**
   * Destroys the value of an old version permanently. Errors `version_current`, `not_destroyable`.
   */
  readonly destroy: (
    name: string,
    version: number,
    options?: Signal,
  ) => Promise<ReplyOf<'destroy-version'>>;
  /** Lists the names of the secrets in ascending order. The list may lag behind a write. */
  readonly names: (options?: Names & Signal) => AsyncGenerator<string>;
  /** Lists the names of the secrets with the metadata of their current versions, without values. */
  readonly details: (options?: Names & Signal) => AsyncGenerator<SecretDetails>;
  /**
   * Replaces each `secret(NAME)` in a `.env` file by its value. If `unless` is the tag of an
   * earlier reply and the vault would only repeat that reply, the new one has no content.
   */
  readonly expandEnv: (
    body: BodyOf<'expand-env'>,
    options?: Signal,
  ) => Promise<ReplyOf<'expand-env'>>;
  /**
   * Stores the value of each `enc(NAME)` as a new secret, and of each `enc(NAME@next)` as the next
   * version, all or none. Returns the file with references.
   */
  readonly encryptEnv: (
    body: BodyOf<'encrypt-env'>,
    options?: Options,
  ) => Promise<ReplyOf<'encrypt-env'>>;
  /** Returns the caller as the vault knows it: tenant, subject, scopes and names. */
  readonly whoami: (options?: Signal) => Promise<ReplyOf<'whoami'>>;
  /** Asks the vault whether its store and its master key can be used. */
  readonly status: (options?: Signal) => Promise<ReplyOf<'get-status'>>;
  /** Performs any operation of the API by its name. */
  readonly request: Request;
};

/**
 * Which value to copy: that of `version` of the same secret, or that of the secret `name`, in its
 * current version unless `version` is given too.
 */
type CopySource = BodyOf<'copy-secret'>['from'];
type WriteOptions = Options & { readonly note?: string | undefined };
type WhichVersion = {
  readonly version?: number | undefined;
  /** An instant in UTC (RFC 3339 with `Z`), at most 10 minutes ahead. */
  readonly at?: string | undefined;
};
type Versions = {
  readonly order?: 'asc' | 'desc' | undefined;
  /** Also returns the values. */
  readonly values?: boolean | undefined;
};

/** Creates a client, which need not be closed. Throws a `TypeError` for an invalid `addr`. */
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
