/**
 * The limits of the vault, and the reasons for them where they need one. Sizes are in bytes and
 * times in milliseconds, unless a name says otherwise.
 */
export const limits = {
  /** A name must fit in an index key, in a path segment and on a line of a `.env` file. */
  nameCharactersMax: 128,
  tenantCharactersMax: 64,
  /**
   * The size of one value. A DynamoDB item can have 400 KB. With 64 KiB per value, sixteen versions
   * fit in the largest request.
   */
  valueBytesMax: 65_536,
  vaultIdCharactersMax: 64,
  /**
   * The size of a note: enough for a line or two of text, while the item of a current version stays
   * small.
   */
  noteBytesMax: 512,
  /**
   * The highest version number. It has nine digits, as many as the patterns of docs/openapi.yaml
   * allow. The sort key `VERSION#…` has ten.
   */
  versionMax: 999_999_999,
  /**
   * The size of a request's body, below the limit of every gateway (sam: 4.4 MiB, API Gateway: 6 MB
   * as base64).
   */
  bodyBytesMax: 1_048_576,
  /**
   * How deeply the JSON of a body may be nested. No request needs more, and parsing deeper nesting
   * costs stack.
   */
  jsonDepthMax: 8,
  /**
   * The body of a reply, as an escaped string in the JSON that its function returns. Lambda allows
   * 6,291,556 bytes for that JSON; the difference is for the headers.
   */
  replyBytesMax: 6_000_000,
  /**
   * The size of a `.env` file. No configuration needs a larger one, and parsing it takes
   * milliseconds.
   */
  fileBytesMax: 262_144,
  /**
   * How many secrets one `.env` file may name. DynamoDB allows 100 actions in a transaction. The
   * record needs one of them, and three are in reserve. Each pinned version counts like a further
   * secret, because it costs a read and a KMS call.
   */
  fileNamesMax: 96,
  /** DynamoDB reads or writes at most this much in one transaction. */
  transactionBytesMax: 4_194_304,
  /**
   * The size of an item with the largest value and all its other attributes
   * (docs/design/storage.md, on costs).
   */
  itemBytesMax: 68_000,
  /**
   * The total size of the values that one request for a `.env` file stores or reads. Far below the
   * limit of a transaction.
   */
  fileValuesBytesMax: 1_048_576,
  /**
   * The total size of the sealed versions that one `.env` file stores and of those that it
   * replaces. With all their other attributes, they fit in a transaction.
   */
  fileSealedBytesMax: 3_145_728,
  /**
   * How many errors of a file a reply lists: as many as a person can read. `errorsTotal` counts all
   * of them.
   */
  fileErrorsMax: 100,
  /** The size of a token (JWT). Common proxies reject headers with a larger one. */
  tokenBytesMax: 8_192,
  /** How many verified tokens are cached. Each takes a few hundred bytes. */
  tokensKeptMax: 1_000,
  /**
   * The most work that one token may cause. A policy at its own limits (200 rules with 50 globs
   * each) makes 10,200 comparisons for a claim with one value. Microsoft Entra lists at most 200
   * groups in a token.
   */
  claimValuesMax: 256,
  claimComparisonsMax: 100_000,
  /**
   * An access policy: its file, its lists and the texts in them, and how many faults are reported
   * at once.
   */
  policyCharactersMax: 262_144,
  policyIssuersMax: 20,
  policyRulesMax: 200,
  policyListMax: 50,
  policyTextCharactersMax: 512,
  policyFaultsMax: 10,
  /** Combinations of claim values in a whole policy. Making them all takes less than a second. */
  policyCombinationsMax: 100_000,
  subjectBytesMax: 256,
  namePatternsMax: 50,
  versionsPageMax: 100,
  versionsPageDefault: 50,
  /**
   * How many versions a page of a history has if their values are included. Each value costs a KMS
   * call; ten of them stay well within the time limit.
   */
  valuesPageMax: 10,
  namesPageMax: 1_000,
  namesPageDefault: 100,
  /**
   * How many names a page of a list with details has. For each name the current version is read,
   * which can take up to 64 KB.
   */
  detailsPageMax: 50,
  /** The smallest RSA key of an issuer that is accepted. Smaller ones are weak. */
  rsaModulusBitsMin: 2_048,
  /**
   * The size of a fetched key set or discovery document. Those of common issuers have at most a few
   * kilobytes.
   */
  keySetBytesMax: 65_536,
  idempotencyKeyCharactersMin: 16,
  idempotencyKeyCharactersMax: 128,
  /** Concurrent single reads of one request. A file with 96 pinned names needs six rounds. */
  versionReadsConcurrencyMax: 16,
  /** Concurrent KMS calls of one request: enough for 96 names, and within the quota of KMS. */
  kmsConcurrencyMax: 16,
  /**
   * How many names, or ids of KMS calls, one log line lists. Longer lists continue on further
   * lines.
   */
  lineEntriesMax: 96,
  /** 128 random bits, so that no two requests have the same writeId. */
  writeIdBytes: 16,
  /** 64 random bits tell apart the processes whose lines are in one log. */
  runIdBytes: 8,
  /** KMS wraps a data key in at most this many bytes. */
  wrappedDataKeyBytesMax: 6_144,
  /**
   * The length from which a value is searched for in a note or elsewhere in a `.env` file. Shorter
   * values occur there by chance too often.
   */
  telltaleBytesMin: 8,
  /**
   * How many UTF-16 units of a value are searched for in a `.env` file. The caller chooses both
   * texts. V8 searches for up to 250 units in linear time, but may compare every unit of a longer
   * text at every offset.
   */
  telltaleUnitsMax: 200,
  /** Connections of one client to its service, as many as the client's own handler allows. */
  connectionsMax: 50,
  /** Concurrent KMS calls of one process. Fewer than the connections of its client. */
  kmsCallsAtOnceMax: 32,
} as const;

/** The timetable of a request, and other times. In milliseconds, unless a name says otherwise. */
export const times = {
  /**
   * How long after its beginning a request may start new calls: until the first time a retry or a
   * new write, until the second a new KMS call.
   */
  newAttemptsUntilMs: 8_000,
  kmsCallsUntilMs: 7_000,
  /**
   * A write or KMS call that is unanswered by this time is aborted, so that the outcome can still
   * be looked up in the store.
   */
  attemptsEndMs: 9_000,
  /**
   * Every call that a request makes to the store or to KMS has ended by this time. Lambda's own
   * limit is 15 s.
   */
  answerByMs: 9_900,
  connectMs: 500,
  storeCallMs: 2_500,
  kmsCallMs: 3_000,
  statusCallMs: 1_000,
  /**
   * The wait before a retry, with full jitter: it is random between 0 and a bound, which doubles
   * with each retry from the first value to the last.
   */
  backoffFirstMs: 10,
  backoffLastMs: 400,
  /**
   * Attempts of a call whose peer is unreachable, slow or answers 5xx. Throttled attempts do not
   * count.
   */
  failedAttemptsMax: 3,
  /**
   * How far an `at`, the instant to read at, may lie ahead. More than this is a mistake, not a
   * difference between clocks.
   */
  atAheadMs: 600_000,
  /**
   * An alarm is raised if a write replaces a head whose time is further ahead of this clock than
   * this.
   */
  clockSkewAlarmMs: 300_000,
  /**
   * The vault promises 24 h. It keeps records for 48 h, so that a slow clock cannot break the
   * promise.
   */
  idempotencyKeptMs: 172_800_000,
  tokenToleranceS: 5,
  /**
   * The last second of the year 9999, the latest that RFC 3339 can express. An `exp` given in
   * milliseconds lies beyond it, so a token meant for an hour cannot be valid for 50,000 years.
   */
  tokenDateMaxS: 253_402_300_799,
  /** After this time, a verified token is verified again. */
  tokenKeptMs: 60_000,
  keySetTimeoutMs: 2_000,
  keySetKeptMs: 600_000,
  /**
   * The wait after a failed fetch of an issuer's keys. It doubles with each further failure, up to
   * `keySetCooldownMs`.
   */
  keySetRetryMs: 1_000,
  /** Tokens with made-up key ids cause at most one fetch of an issuer's keys in this time. */
  keySetCooldownMs: 30_000,
  /**
   * The probes for the status and for readiness run at most this often. All callers share the
   * result.
   */
  probeEveryMs: 1_000,
  /**
   * The seconds in the header Retry-After, after which a caller may repeat a request that failed
   * with a retryable problem.
   */
  retryAfterS: 1,
  /** The nodes' certificate is renewed by hand, so the status warns 30 days before it expires. */
  certificateWarningMs: 2_592_000_000,
} as const;
