/** The data types of the vault, shared by all folders, and the texts of names, keys and instants. */
import { limits, times } from './limits.ts';

export const scopes = [
  'secrets:read',
  'secrets:list',
  'secrets:write',
  'secrets:delete',
  'secrets:destroy',
  'secrets:explain',
  'vault:status',
] as const;

export type Scope = (typeof scopes)[number];

export const isScope = (text: string): text is Scope => scopes.some((scope) => scope === text);

/** The scopes that a token with these holds: `secrets:read` includes `secrets:list`. Each stands there once. */
export const withIncluded = (scopes: readonly string[]): readonly string[] => [
  ...new Set(
    scopes.flatMap((scope) => (scope === 'secrets:read' ? [scope, 'secrets:list'] : scope)),
  ),
];

/** The caller of a request, made only from a verified token (`http/principal.ts`). */
export type Principal = {
  readonly tenant: string;
  readonly subject: string;
  readonly scopes: readonly string[];
  /** Patterns of the visible names; `undefined`: all names of the tenant. */
  readonly names: readonly string[] | undefined;
  /** The id of the token's issuer in the access policy. */
  readonly issuer: string;
  /** The number of the issuer's rule that made this principal, from 1; `undefined`: its own claims did. */
  readonly rule: number | undefined;
  /** The end of the token, in milliseconds. */
  readonly expires: number;
};

/** The fields of every version of a secret, whether it holds a value or not. */
type VersionFacts = {
  /** The identity of the vault that wrote the version (`VAULT_ID`). */
  readonly vault: string;
  readonly tenant: string;
  readonly name: string;
  readonly version: number;
  readonly validFrom: number;
  readonly createdBy: string;
  readonly writeId: string;
};

/** The identity of a sealed value. Every field is authenticated with the value (docs/design/envelope.md). */
export type Identity = VersionFacts & {
  readonly masterKeyId: string;
  /** The caller's remark (`isNote`), which is not secret. */
  readonly note?: string | undefined;
};

/** The fields that sealing a value adds to its identity. */
export type SealedValue = {
  readonly iv: Uint8Array;
  readonly ciphertext: Uint8Array;
  readonly commitment: Uint8Array;
};

/** A version that holds a value, sealed. */
export type SealedVersion = Identity &
  SealedValue & { readonly state: 'stored'; readonly wrappedDataKey: Uint8Array };

/** A version that holds no value: from its beginning on the secret is deleted. No field is authenticated. */
export type Deletion = VersionFacts & {
  readonly state: 'deleted';
  readonly note?: string | undefined;
};

/** The remains of a version whose value was destroyed. None of them is authenticated any more. */
export type DestroyedVersion = VersionFacts & {
  readonly state: 'destroyed';
  readonly masterKeyId: string;
  readonly destroyedAt: number;
  readonly destroyedBy: string;
};

/** A version as it is first written. */
export type NewVersion = SealedVersion | Deletion;

/** The current version of a secret. */
export type Head = NewVersion & { readonly validTo: undefined };

/** The fields that a list shows of the head of a secret. */
export type HeadDetails = Pick<
  Head,
  'name' | 'state' | 'version' | 'validFrom' | 'createdBy' | 'note'
>;

/** A version and the end of its half-open validity interval; `undefined` for the current version. */
export type StoredVersion = (NewVersion | DestroyedVersion) & {
  readonly validTo: number | undefined;
};

/** A version that holds a value, and the end of its interval. */
export type ValueVersion = SealedVersion & Pick<StoredVersion, 'validTo'>;

/** A reference to a version of a secret, in replies and idempotency records. */
export type VersionRef = { readonly name: string; readonly version: number };
export type WrittenVersion = VersionRef & { readonly validFrom: number };
/** A version and the write that made it. */
export type WriteRef = VersionRef & { readonly writeId: string };
/** A version as replies name it. A version that a dry run would write has no anchor, because its write is never made. */
export type AnchoredRef = VersionRef & { readonly anchor?: string };

/** A record of what a keyed request did, so that its repetition is answered alike; never a value. */
export type IdempotencyRecord = {
  readonly operation: string;
  readonly writeId: string;
  readonly contentHash: Uint8Array;
  readonly written: readonly WrittenVersion[];
  readonly resolved: readonly VersionRef[];
  readonly expiresAt: number;
};

/**
 * Names are ASCII and compared as strings, never as regular expressions that a caller supplies. A test holds
 * the lengths to `limits.ts`. A bundler can drop a literal that nothing uses, but no `new RegExp`.
 */
const secretName = /^[A-Za-z_][A-Za-z0-9_.-]{0,127}$/;
const versionNumber = /^[1-9][0-9]{0,8}$/;
const versionTag = /^[1-9][0-9]{0,8}(?:\.[A-Za-z0-9_-]{8})?$/;
const tenantName = /^[A-Za-z0-9_-]{1,64}$/;
const unfitForNote = /[\p{C}\p{Zl}\p{Zp}]/u;
const namePattern = /^(?:[A-Za-z_][A-Za-z0-9_.-]{0,127}|[A-Za-z_][A-Za-z0-9_.-]{0,126}\*|\*)$/;

export const isSecretName = (text: string): boolean => secretName.test(text);
/** The texts of version numbers, from 1 to `limits.versionMax`. */
export const isVersionNumber = (text: string): boolean => versionNumber.test(text);

/** The texts of version numbers, and of a number and an anchor: `5.k3f9qzTb`. */
export const isVersionTag = (text: string): boolean => versionTag.test(text);

export const isTenant = (text: string): boolean => tenantName.test(text);
/** The form that `isTenant` checks, for the end of a sentence such as "--tenant must be …". */
export const tenantForm = '1 to 64 letters, digits, _ or -';

// The console uses this file in browsers, which have no `Buffer`.
const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

const exactUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The text of bytes, with a byte order mark if they begin with one; `undefined` if they are not UTF-8. */
export const decodeUtf8 = (bytes: Uint8Array): string | undefined => {
  try {
    return exactUtf8.decode(bytes);
  } catch {
    return undefined;
  }
};

/**
 * 1 to `limits.subjectBytesMax` bytes of UTF-8 without control and format characters, which would hide text
 * or turn its direction where a person reads it. Releases before 2.0.0 took format characters, so stored
 * versions and logs may have them.
 */
export const isSubject = (text: string): boolean =>
  text !== '' &&
  text.isWellFormed() &&
  !/[\p{Cc}\p{Cf}]/u.test(text) &&
  utf8(text).length <= limits.subjectBytesMax;

/** A pattern is a name, the beginning of a name with `*`, or `*`. */
export const isNamePattern = (text: string): boolean => namePattern.test(text);

/** The id of a master key without the account that its ARN names. */
export const keyIdOf = (masterKeyId: string): string => masterKeyId.split('/').at(-1) ?? '';

/**
 * 1 to `limits.noteBytesMax` bytes of UTF-8 in one line: no control, format, private or unassigned
 * characters, no separators of lines.
 */
export const isNote = (text: string): boolean =>
  text !== '' && !unfitForNote.test(text) && utf8(text).length <= limits.noteBytesMax;

/** Whether a note contains the value. Values under `limits.telltaleBytesMin` are not looked for. */
export const tellsValue = (note: string | undefined, value: Uint8Array): boolean =>
  note !== undefined &&
  value.length >= limits.telltaleBytesMin &&
  asCharacters(utf8(note)).includes(asCharacters(value));

/** One character for each byte, so that bytes can be searched like a text. */
const asCharacters = (bytes: Uint8Array): string => new TextDecoder('latin1').decode(bytes);

/** The first of these patterns that covers `name`. */
export const coveringPattern = (patterns: readonly string[], name: string): string | undefined =>
  patterns.find((pattern) =>
    pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : pattern === name,
  );

/** Whether `name` is visible to a token with these patterns. `undefined` makes every name visible. */
export const isNameVisible = (patterns: readonly string[] | undefined, name: string): boolean =>
  patterns === undefined || coveringPattern(patterns, name) !== undefined;

/**
 * Instants are milliseconds since the epoch in memory. Outside they are RFC 3339 in UTC with milliseconds
 * ("2026-11-24T14:30:48.123Z", always 24 characters, so that text order is time order).
 */
const stored = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/;
const asked = /^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})(?:\.(\d{1,3}))?Z$/;

export const formatInstant = (instant: number): string => new Date(instant).toISOString();

/** Reads what `formatInstant` wrote; `undefined` for any other text, also for 30 February. */
export const parseInstant = (text: string): number | undefined => {
  if (!stored.test(text)) return undefined;
  const instant = Date.parse(text);
  return !Number.isNaN(instant) && formatInstant(instant) === text ? instant : undefined;
};

/** Reads a caller's instant: RFC 3339 with `Z` and at most three fraction digits. */
export const parseAskedInstant = (text: string): number | undefined => {
  const parts = asked.exec(text);
  return parts ? parseInstant(`${parts[1]}.${(parts[2] ?? '').padEnd(3, '0')}Z`) : undefined;
};

/** Whether the status warns of a certificate that ends at this instant (ISO 8601), `null` if unknown. */
export const endsSoon = (instant: string | null, now: number = Date.now()): boolean =>
  instant !== null && Date.parse(instant) - now < times.certificateWarningMs;
