/** The data of the vault, as every folder speaks of it. Times are milliseconds since the epoch in memory. */

export type Scope = 'secrets:read' | 'secrets:write' | 'vault:status';

/** Who asks. Made from a verified token only (`http/principal.ts`). */
export type Principal = {
  readonly tenant: string;
  readonly subject: string;
  readonly scopes: readonly string[];
  /** Patterns of the names in sight; `undefined`: all names of the tenant. */
  readonly names: readonly string[] | undefined;
};

/** What a sealed value is bound to: every field is authenticated with it (docs/design/envelope.md). */
export type Identity = {
  readonly tenant: string;
  readonly name: string;
  readonly version: number;
  readonly validFrom: number;
  readonly createdBy: string;
  readonly writeId: string;
  readonly masterKeyId: string;
};

/** What sealing a value adds to its identity. */
export type Sealed = {
  readonly format: 'v1';
  readonly iv: Uint8Array;
  readonly ciphertext: Uint8Array;
  readonly commitment: Uint8Array;
};

/** One version of a secret as stored, still sealed. */
export type SealedVersion = Identity & Sealed & { readonly wrappedDataKey: Uint8Array };

/** A version and the end of its half-open validity interval; `undefined`: it is the current one. */
export type StoredVersion = SealedVersion & { readonly validTo: number | undefined };

/** A version of a secret by name: what a reply and an idempotency record say about a write. */
export type VersionRef = { readonly name: string; readonly version: number };
export type WrittenVersion = VersionRef & { readonly validFrom: number };

/** What a keyed request did, kept so that its repetition gets the same answer. Holds no value. */
export type IdempotencyRecord = {
  readonly operation: string;
  readonly writeId: string;
  readonly digest: Uint8Array;
  readonly written: readonly WrittenVersion[];
  readonly resolved: readonly VersionRef[];
  readonly expiresAt: number;
};
