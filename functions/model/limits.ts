/**
 * The limits of the vault, and the reasons for them where they need one. Sizes are in bytes and
 * times in milliseconds, unless a name says otherwise.
 */
export const limits = {
  /** A name must fit in an index key, in a path segment and on a line of a `.env` file. */
  nameCharactersMax: 128,
  tenantCharactersMax: 64,
  /**
   * The size of one value. A DynamoDB item can have 400 KB. With 64 KiB per value, one request for
   * a `.env` file can read sixteen of the largest values (`fileValuesBytesMax`).
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
   * allow. It fits in the sort key `VERSION#…`, which pads the number to ten digits.
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
   * idempotency record needs one of them, and three are in reserve. Each pinned version counts like
   * a further secret, because it costs a read and a KMS call. An `enc(NAME@next)` counts twice,
   * because it takes two actions.
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
   * The total size of all values that one request for a `.env` file stores and reads. Far below
   * `transactionBytesMax`.
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
   * The most work that one token may cause: how many values a claim may have that a rule compares,
   * which leaves room for the at most 200 groups that Microsoft Entra lists in a token, and how
   * many comparisons all rules may make. A policy at its own limits (200 rules with 50 globs each)
   * makes 10,200 comparisons for a claim with one value.
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
  /**
   * How many combinations of claim values a whole policy may have. All of them are made and
   * compared when the policy is read (`access/collisions.ts`), which takes less than a second.
   */
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
  /**
   * Concurrent KMS calls of one request: enough for a file with 96 names, and within the quota of
   * KMS.
   */
  kmsConcurrencyMax: 16,
  /**
   * How many names, ids of KMS calls or mismatched rules one log line lists. Longer lists of names
   * and ids continue on further lines; further rules are left out.
   */
  lineEntriesMax: 96,
  /** 128 random bits, so that no two requests have the same writeId. */
  writeIdBytes: 16,
  /** 64 random bits tell apart the processes whose lines are in one log. */
  runIdBytes: 8,
  /** KMS wraps a data key in at most this many bytes. */
  wrappedDataKeyBytesMax: 6_144,
  /**
   * The length from which the vault searches for a stored value in its note and elsewhere in its
   * `.env` file. Shorter values occur there by chance too often.
   */
  telltaleBytesMin: 8,
  /**
   * How many UTF-16 units of a value are searched for in a `.env` file. V8 searches for up to 250
   * units in linear time, but may compare every unit of a longer text at every offset. A caller,
   * who chooses both the value and the file, could make use of that to slow down the vault.
   */
  telltaleUnitsMax: 200,
  /**
   * Connections of one AWS client to DynamoDB or KMS, as many as the client's own HTTP handler
   * allows.
   */
  connectionsMax: 50,
  /**
   * Concurrent calls of one process to the master key. Fewer than `connectionsMax`, so no call to
   * KMS waits for a connection.
   */
  kmsCallsAtOnceMax: 32,
} as const;

/** The timetable of a request, and other times. In milliseconds, unless a name says otherwise. */
export const times = {
  /**
   * How long after its beginning a request may start new calls: a write or a retry until
   * `newAttemptsUntilMs`. It may call KMS, or begin an update after waiting for its turn, only
   * until `kmsCallsUntilMs`, so that time remains for the write.
   */
  newAttemptsUntilMs: 8_000,
  kmsCallsUntilMs: 7_000,
  /**
   * A write or KMS call that is unanswered by this time is aborted, so that the request can still
   * look up in the store whether its write took effect.
   */
  attemptsEndMs: 9_000,
  /**
   * Every call that a request makes to the store or to KMS is aborted by this time. Lambda ends a
   * function only after 15 s (template.yaml).
   */
  answerByMs: 9_900,
  /**
   * A host ends its wait for the answer of an operation after this time, or up to a second later,
   * as Lambda does by the `Timeout` in template.yaml. Only an operation with a bug takes so long.
   */
  noAnswerMs: 15_000,
  connectMs: 500,
  storeCallMs: 2_500,
  kmsCallMs: 3_000,
  statusCallMs: 1_000,
  /**
   * The wait before a retry, with full jitter: it is random between 0 and a bound, which starts at
   * `backoffFirstMs` and doubles with each retry up to `backoffLastMs`.
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
   * If a write replaces a version that began further ahead of the process's clock than this, the
   * vault logs `clock_skew`, which raises an alarm.
   */
  clockSkewAlarmMs: 300_000,
  /**
   * How long the vault keeps an idempotency record. It promises only that a request can be repeated
   * for 24 h; the other 24 h are there so that a slow clock cannot break the promise.
   */
  idempotencyKeptMs: 172_800_000,
  tokenToleranceS: 5,
  /**
   * The last second of the year 9999, the latest that RFC 3339 can express. An `exp` given in
   * milliseconds lies beyond it, so a token meant for an hour cannot be valid for 50,000 years.
   */
  tokenDateMaxS: 253_402_300_799,
  /** How long a verified token is cached. After that, it is verified again. */
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
