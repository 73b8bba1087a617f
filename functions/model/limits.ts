/** A limit on everything, on one page, each with its reason. Sizes in bytes, times in milliseconds. */
export const limits = {
  /** A name must fit an index key, a path segment and a line of a `.env` file. */
  nameCharactersMax: 128,
  /** One item of DynamoDB holds 400 KB; 64 KiB keeps sixteen versions in the largest request. */
  valueBytesMax: 65_536,
  /** `VERSION#` carries ten digits and the query parameter nine. */
  versionMax: 999_999_999,
  /** Under what every gateway passes on (sam: 4.4 MiB, API Gateway: 6 MB as base64). */
  bodyBytesMax: 1_048_576,
  /** Deep nesting has no use here and costs stack. */
  jsonDepthMax: 8,
  /**
   * The body of a reply as it stands in the result of its function, which is JSON: escaped as a string of it. A result on
   * Lambda may have 6,291,556 bytes; what is left is for the headers.
   */
  replyBytesMax: 6_000_000,
  /** A `.env` file of more is no configuration; bounds parsing to milliseconds. */
  fileBytesMax: 262_144,
  /**
   * 100 actions a transaction on DynamoDB, less the record, less two that a replicated store adds.
   * Each version that a name is pinned to counts like a name: it costs a read and a KMS call.
   */
  fileNamesMax: 96,
  /** What DynamoDB reads or writes in one transaction. */
  transactionBytesMax: 4_194_304,
  /** The largest value and all that is kept beside it (docs/design/storage.md, on costs). */
  itemBytesMax: 67_000,
  /** All values stored or read by one request: far below what a transaction holds. */
  fileValuesBytesMax: 1_048_576,
  /** A report that a person can read; `errorsTotal` tells the rest. */
  fileErrorsMax: 100,
  /** A JWT beyond this does not pass the headers of common proxies. */
  tokenBytesMax: 8_192,
  /** Some hundred bytes each. */
  tokensKeptMax: 1_000,
  subjectBytesMax: 256,
  namePatternsMax: 50,
  versionsPageMax: 100,
  versionsPageDefault: 50,
  /** Each value costs a KMS call: ten stay well inside the time limit. */
  valuesPageMax: 10,
  namesPageMax: 1_000,
  namesPageDefault: 100,
  idempotencyKeyCharactersMin: 16,
  idempotencyKeyCharactersMax: 128,
  /** Single reads of one request at once: a file of 96 pinned names is six rounds of them. */
  versionReadsConcurrencyMax: 16,
  /** KMS calls of one request at once: wide enough for 96 names, narrow enough for its quota. */
  kmsConcurrencyMax: 16,
  /** KMS calls of one process at once: fewer than its client has sockets, which is 50. */
  kmsCallsAtOnceMax: 32,
} as const;

/** The one time table of a request, in milliseconds. */
export const times = {
  /** No new try, and no new KMS call, is begun after this much of a request. */
  newTriesUntilMs: 8_000,
  kmsCallsUntilMs: 7_000,
  /** A write, or a call to KMS, that ends without an answer must leave time to look at the store after it. */
  triesEndMs: 9_000,
  /** Nothing of a request lasts longer; Lambda's own limit is 15 s. */
  answerByMs: 9_900,
  connectMs: 500,
  storeCallMs: 2_500,
  kmsCallMs: 3_000,
  statusCallMs: 1_000,
  /** Full jitter: a wait is drawn from 0 to a bound that doubles from the first to the last. */
  backoffFirstMs: 10,
  backoffLastMs: 400,
  /** Tries of a call whose peer is unreachable, slow or answers 5xx. Throttling is bounded by time only. */
  failedTriesMax: 3,
  /** An `at` further ahead than this is a mistake, not a clock difference. */
  atAheadMs: 600_000,
  /** A head dated further ahead than this is worth an alarm. */
  clockSkewAlarmMs: 300_000,
  /** Promised: 24 h. Kept: 48 h, so that a slow clock never breaks the promise. */
  idempotencyKeptMs: 172_800_000,
  tokenToleranceS: 5,
  /**
   * The last second of the year 9999, the last that RFC 3339 can write. An `exp` in milliseconds lies beyond it,
   * so a token that was meant to live for an hour does not live for 50,000 years.
   */
  tokenDateMaxS: 253_402_300_799,
  /** For so long a token that was verified is not verified again. */
  tokenKeptMs: 60_000,
  keySetTimeoutMs: 2_000,
  keySetKeptMs: 600_000,
  keySetCooldownMs: 30_000,
  /** Probes of the status page are shared, and made at most this often. */
  statusProbeEveryMs: 1_000,
} as const;
