/**
 * The data types of the vault, which all folders share, and the formats of names, keys and
 * instants.
 */
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

/**
 * All scopes that these scopes grant, without duplicates: `secrets:read` includes `secrets:list`.
 */
export const withIncluded = (scopes: readonly string[]): readonly string[] => [
  ...new Set(
    scopes.flatMap((scope) => (scope === 'secrets:read' ? [scope, 'secrets:list'] : scope)),
  ),
];

/** The caller of a request, known only from a verified token (`http/principal.ts`). */
export type Principal = {
  readonly tenant: string;
  readonly subject: string;
  readonly scopes: readonly string[];
  /** Patterns of the visible names; `undefined` means all names of the tenant. */
  readonly names: readonly string[] | undefined;
  /** The id of the token's issuer in the access policy. */
  readonly issuer: string;
  /**
   * The number of the issuer's rule that applied, counted from 1; `undefined` if the token's own
   * claims did.
   */
  readonly rule: number | undefined;
  /** When the token expires, in milliseconds. */
  readonly expires: number;
};

type VersionFacts = {
  /** The id of the vault that wrote the version (`VAULT_ID`). */
  readonly vault: string;
  readonly tenant: string;
  readonly name: string;
  readonly version: number;
  readonly validFrom: number;
  readonly createdBy: string;
  readonly writeId: string;
};

/**
 * The identity of a sealed value. All these fields are authenticated together with the value
 * (docs/design/envelope.md).
 */
export type Identity = VersionFacts & {
  readonly masterKeyId: string;
  /** The caller's remark (`isNote`), which is not secret. */
  readonly note?: string | undefined;
};

export type SealedValue = {
  readonly iv: Uint8Array;
  readonly ciphertext: Uint8Array;
  readonly commitment: Uint8Array;
};

export type SealedVersion = Identity &
  SealedValue & { readonly state: 'stored'; readonly wrappedDataKey: Uint8Array };

/**
 * A version without a value: while it is the current version, the secret is deleted. None of its
 * fields is authenticated.
 */
export type Deletion = VersionFacts & {
  readonly state: 'deleted';
  readonly note?: string | undefined;
};

/**
 * What remains of a version after its value was destroyed. None of it is authenticated any more.
 */
export type DestroyedVersion = VersionFacts & {
  readonly state: 'destroyed';
  readonly masterKeyId: string;
  readonly destroyedAt: number;
  readonly destroyedBy: string;
};

export type NewVersion = SealedVersion | Deletion;

/** The current version of a secret, which may be a deletion. */
export type Head = NewVersion & { readonly validTo: undefined };

/** What a list shows of a secret's head, with the `writeId` only as part of the anchor. */
export type HeadDetails = Pick<
  Head,
  'name' | 'state' | 'version' | 'validFrom' | 'createdBy' | 'note' | 'writeId'
>;

/**
 * A version with the end of its half-open validity interval, which is `undefined` for the current
 * version.
 */
export type StoredVersion = (NewVersion | DestroyedVersion) & {
  readonly validTo: number | undefined;
};

export type ValueVersion = SealedVersion & Pick<StoredVersion, 'validTo'>;

/** Names a version of a secret in replies and idempotency records. */
export type VersionRef = { readonly name: string; readonly version: number };
export type WrittenVersion = VersionRef & { readonly validFrom: number };
export type WriteRef = VersionRef & { readonly writeId: string };
/**
 * A version as replies name it. A version that a dry run would create has no anchor, because the
 * write is never made.
 */
export type AnchoredRef = VersionRef & { readonly anchor?: string };

/**
 * What a request with an idempotency key did, so that a repetition gets the same answer. Never
 * contains a value.
 */
export type IdempotencyRecord = {
  readonly operation: string;
  readonly writeId: string;
  readonly contentHash: Uint8Array;
  readonly written: readonly WrittenVersion[];
  readonly resolved: readonly VersionRef[];
  readonly expiresAt: number;
};

/**
 * The forms of names, tenants and versions, which are ASCII, and the characters that no note may
 * have. These expressions are literals because a bundler can drop an unused literal, but not an
 * unused `new RegExp`. A test checks the lengths in them against `limits.ts`. No expression is made
 * from a caller's name pattern: `coveringPattern` compares it as a string.
 */
const secretName = /^[A-Za-z_][A-Za-z0-9_.-]{0,127}$/;
const versionNumber = /^[1-9][0-9]{0,8}$/;
const versionTag = /^[1-9][0-9]{0,8}(?:\.[A-Za-z0-9_-]{8})?$/;
const tenantName = /^[A-Za-z0-9_-]{1,64}$/;
const unfitForNote = /[\p{C}\p{Zl}\p{Zp}]/u;
const namePattern = /^(?:[A-Za-z_][A-Za-z0-9_.-]{0,127}|[A-Za-z_][A-Za-z0-9_.-]{0,126}\*|\*)$/;

export const isSecretName = (text: string): boolean => secretName.test(text);
/** The form that `isSecretName` checks, for messages. */
export const secretNameForm =
  'a letter or _ followed by letters, digits, _ . or -, at most 128 characters in all';

/** Whether a text is a version number, from 1 to `limits.versionMax`. */
export const isVersionNumber = (text: string): boolean => versionNumber.test(text);
/** The form that `isVersionNumber` checks, for messages. */
export const versionNumberForm = 'from 1 to 999999999';

/** Whether a text is a version number, alone or with an anchor: `5.k3f9qzTb`. */
export const isVersionTag = (text: string): boolean => versionTag.test(text);

export const isTenant = (text: string): boolean => tenantName.test(text);
/** The form that `isTenant` checks, to end a sentence such as "--tenant must be …". */
export const tenantForm = '1 to 64 letters, digits, _ or -';

// The console uses this file in browsers, which have no `Buffer`.
const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

const exactUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * The text of UTF-8 bytes, including a byte order mark at the beginning; `undefined` if they are
 * not valid UTF-8.
 */
export const decodeUtf8 = (bytes: Uint8Array): string | undefined => {
  try {
    return exactUtf8.decode(bytes);
  } catch {
    return undefined;
  }
};

/**
 * Whether a text has 1 to `limits.subjectBytesMax` bytes of UTF-8 without control and format
 * characters, because those can hide text from a person or change its direction. Releases before
 * 2.0.0 accepted format characters, so stored versions and logs may have them.
 */
export const isSubject = (text: string): boolean =>
  text !== '' &&
  text.isWellFormed() &&
  !/[\p{Cc}\p{Cf}]/u.test(text) &&
  utf8(text).length <= limits.subjectBytesMax;

/** Whether a text is a pattern: a name, the beginning of a name followed by `*`, or `*`. */
export const isNamePattern = (text: string): boolean => namePattern.test(text);

/** The id of a master key without the account that its ARN names. */
export const keyIdOf = (masterKeyId: string): string => masterKeyId.split('/').at(-1) ?? '';

/**
 * Whether a text can be a note: 1 to `limits.noteBytesMax` bytes of UTF-8 on one line, without
 * control, format, private or unassigned characters, and without line or paragraph separators.
 */
export const isNote = (text: string): boolean =>
  text !== '' && !unfitForNote.test(text) && utf8(text).length <= limits.noteBytesMax;

/**
 * Whether a note contains the value. Values under `limits.telltaleBytesMin` are not searched for.
 */
export const tellsValue = (note: string | undefined, value: Uint8Array): boolean =>
  note !== undefined &&
  value.length >= limits.telltaleBytesMin &&
  asCharacters(utf8(note)).includes(asCharacters(value));

/** One character per byte, so that bytes can be searched like text. */
const asCharacters = (bytes: Uint8Array): string => new TextDecoder('latin1').decode(bytes);

/** The first of these patterns that covers `name`. */
export const coveringPattern = (patterns: readonly string[], name: string): string | undefined =>
  patterns.find((pattern) =>
    pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : pattern === name,
  );

/** Whether a token with these patterns may see `name`. With `undefined` it may see every name. */
export const isNameVisible = (patterns: readonly string[] | undefined, name: string): boolean =>
  patterns === undefined || coveringPattern(patterns, name) !== undefined;

/**
 * In memory, instants are milliseconds since the epoch. In version items and in replies they are
 * RFC 3339 in UTC with milliseconds, such as "2026-11-24T14:30:48.123Z": always 24 characters, so
 * sorting them as text sorts them by time.
 */
const stored = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/;
const asked = /^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})(?:\.(\d{1,3}))?Z$/;

export const formatInstant = (instant: number): string => new Date(instant).toISOString();

/**
 * Parses what `formatInstant` wrote; `undefined` for any other text, and for dates such as 30
 * February.
 */
export const parseInstant = (text: string): number | undefined => {
  if (!stored.test(text)) return undefined;
  const instant = Date.parse(text);
  return !Number.isNaN(instant) && formatInstant(instant) === text ? instant : undefined;
};

/**
 * Parses an instant from a caller: RFC 3339 with `Z` and at most three digits of fractions of a
 * second.
 */
export const parseAskedInstant = (text: string): number | undefined => {
  const parts = asked.exec(text);
  return parts ? parseInstant(`${parts[1]}.${(parts[2] ?? '').padEnd(3, '0')}Z`) : undefined;
};

/**
 * Whether the vault's status warns of a certificate because it expires soon. `instant` (ISO 8601)
 * is when it expires; if that is `null`, which means unknown, there is no warning.
 */
export const endsSoon = (instant: string | null, now: number = Date.now()): boolean =>
  instant !== null && Date.parse(instant) - now < times.certificateWarningMs;
