/** The data types of the vault, shared by all folders. Times in memory are milliseconds since the epoch. */

export type Scope = 'secrets:read' | 'secrets:write' | 'vault:status';

/** The caller of a request, made only from a verified token (`http/principal.ts`). */
export type Principal = {
  readonly tenant: string;
  readonly subject: string;
  readonly scopes: readonly string[];
  /** Patterns of the visible names; `undefined`: all names of the tenant. */
  readonly names: readonly string[] | undefined;
};

/** The identity of a sealed value. Every field is authenticated with the value (docs/design/envelope.md). */
export type Identity = {
  readonly tenant: string;
  readonly name: string;
  readonly version: number;
  readonly validFrom: number;
  readonly createdBy: string;
  readonly writeId: string;
  readonly masterKeyId: string;
};

/** The fields that sealing a value adds to its identity. */
export type Sealed = {
  readonly format: 'v1';
  readonly iv: Uint8Array;
  readonly ciphertext: Uint8Array;
  readonly commitment: Uint8Array;
};

/** One version of a secret, sealed. */
export type SealedVersion = Identity & Sealed & { readonly wrappedDataKey: Uint8Array };

/** A version and the end of its half-open validity interval; `undefined` for the current version. */
export type StoredVersion = SealedVersion & { readonly validTo: number | undefined };

/** A reference to a version of a secret, in replies and idempotency records. */
export type VersionRef = { readonly name: string; readonly version: number };
export type WrittenVersion = VersionRef & { readonly validFrom: number };

/** A record of what a keyed request did, so that its repetition gets the same answer. It holds no value. */
export type IdempotencyRecord = {
  readonly operation: string;
  readonly writeId: string;
  readonly digest: Uint8Array;
  readonly written: readonly WrittenVersion[];
  readonly resolved: readonly VersionRef[];
  readonly expiresAt: number;
};
