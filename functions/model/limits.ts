/** All limits, each with its reason. Sizes are in bytes, times in milliseconds. */
export const limits = {
  /** A name must fit an index key, a path segment and a line of a `.env` file. */
  nameCharactersMax: 128,
  tenantCharactersMax: 64,
  /** One item of DynamoDB holds 400 KB; 64 KiB keeps sixteen versions in the largest request. */
  valueBytesMax: 65_536,
  vaultIdCharactersMax: 64,
  /** A remark fits a line or two, and heads stay small. */
  noteBytesMax: 512,
  /** `VERSION#` carries ten digits and the query parameter nine. */
  versionMax: 999_999_999,
  /** Below the limit of every gateway (sam: 4.4 MiB, API Gateway: 6 MB as base64). */
  bodyBytesMax: 1_048_576,
  /** Deep nesting has no use here and costs stack. */
  jsonDepthMax: 8,
  /**
   * The body of a reply inside the result of its function. The result is JSON, so the body is escaped as a
   * string. A result on Lambda may have 6,291,556 bytes; the difference is for the headers.
   */
  replyBytesMax: 6_000_000,
  /** No configuration needs a larger `.env` file. The limit bounds parsing to milliseconds. */
  fileBytesMax: 262_144,
  /**
   * DynamoDB allows 100 actions in a transaction; one is for the record, and the rest is a reserve. Each
   * pinned version counts like a name, because it costs a read and a KMS call.
   */
  fileNamesMax: 96,
  /** DynamoDB reads or writes at most this much in one transaction. */
  transactionBytesMax: 4_194_304,
  /** The largest value with all other attributes of its item (docs/design/storage.md, on costs). */
  itemBytesMax: 68_000,
  /** All values that one request stores or reads: far below the limit of a transaction. */
  fileValuesBytesMax: 1_048_576,
  /** The versions that a file stores and replaces, sealed. With all other attributes they fit in a transaction. */
  fileSealedBytesMax: 3_145_728,
  /** A person can read this many errors; `errorsTotal` counts all. */
  fileErrorsMax: 100,
  /** Common proxies do not accept a header with a larger JWT. */
  tokenBytesMax: 8_192,
  /** A cached token takes some hundred bytes. */
  tokensKeptMax: 1_000,
  /**
   * The most that one token may cost. A policy at its own limits (200 rules with 50 globs each) makes 10,200
   * comparisons for a claim with one value. Microsoft Entra lists at most 200 groups in a token.
   */
  claimValuesMax: 256,
  claimComparisonsMax: 100_000,
  /** An access policy: its file, its lists, the texts in them, and the faults that one answer reports. */
  policyCharactersMax: 262_144,
  policyIssuersMax: 20,
  policyRulesMax: 200,
  policyListMax: 50,
  policyTextCharactersMax: 512,
  policyFaultsMax: 10,
  /** Combinations of the values of a whole policy. To make them takes less than a second. */
  policyCombinationsMax: 100_000,
  subjectBytesMax: 256,
  namePatternsMax: 50,
  versionsPageMax: 100,
  versionsPageDefault: 50,
  /** Each value costs a KMS call. Ten calls stay well within the time limit. */
  valuesPageMax: 10,
  namesPageMax: 1_000,
  namesPageDefault: 100,
  /** Each name costs a read of its head, which holds up to 64 KB. */
  detailsPageMax: 50,
  /** Smaller RSA keys are weak. */
  rsaModulusBitsMin: 2_048,
  /** Key sets and discovery documents of common issuers take at most a few kilobytes. */
  keySetBytesMax: 65_536,
  idempotencyKeyCharactersMin: 16,
  idempotencyKeyCharactersMax: 128,
  /** Concurrent single reads of one request. A file with 96 pinned names needs six rounds. */
  versionReadsConcurrencyMax: 16,
  /** Concurrent KMS calls of one request: enough for 96 names, and within the quota of KMS. */
  kmsConcurrencyMax: 16,
  /** Names, and ids of KMS calls, in one line of the log. Longer lists continue on further lines. */
  lineEntriesMax: 96,
  /** 128 random bits, so that no two requests have the same id of their writes. */
  writeIdBytes: 16,
  /** KMS wraps a data key in at most this much. */
  wrappedDataKeyBytesMax: 6_144,
  /** Shorter values occur too often by chance to be looked for in a note, or elsewhere in a `.env` file. */
  telltaleBytesMin: 8,
  /**
   * UTF-16 units of a value that are looked for in a `.env` file. V8 finds at most 250 units in linear time,
   * but may compare every unit of a longer text at every offset, and the caller chooses both texts.
   */
  telltaleUnitsMax: 200,
  /** Connections of one client to its service, as in the clients' own handler. */
  connectionsMax: 50,
  /** Concurrent KMS calls of one process: fewer than the connections of its client. */
  kmsCallsAtOnceMax: 32,
} as const;

/** The time table of a request, in milliseconds. */
export const times = {
  /** No new attempt of a write (first limit) and no new KMS call (second limit) begins later in a request. */
  newAttemptsUntilMs: 8_000,
  kmsCallsUntilMs: 7_000,
  /** A write or a KMS call without an answer ends here, so that time remains for a look-up in the store. */
  attemptsEndMs: 9_000,
  /** Every call of a request ends by then. Lambda's own limit is 15 s. */
  answerByMs: 9_900,
  connectMs: 500,
  storeCallMs: 2_500,
  kmsCallMs: 3_000,
  statusCallMs: 1_000,
  /** Full jitter: a wait is drawn between 0 and a bound, which doubles from the first value to the last. */
  backoffFirstMs: 10,
  backoffLastMs: 400,
  /** Attempts of a call whose peer is unreachable, slow or answers 5xx. Throttled attempts do not count. */
  failedAttemptsMax: 3,
  /** An `at` further ahead is a mistake, not a difference of clocks. */
  atAheadMs: 600_000,
  /** A head that is dated further ahead raises an alarm. */
  clockSkewAlarmMs: 300_000,
  /** The vault promises 24 h and keeps records for 48 h, so that a slow clock never breaks the promise. */
  idempotencyKeptMs: 172_800_000,
  tokenToleranceS: 5,
  /**
   * The last second of the year 9999, the last one that RFC 3339 can write. An `exp` in milliseconds lies
   * beyond it, so a token that was meant to live for an hour cannot live for 50,000 years.
   */
  tokenDateMaxS: 253_402_300_799,
  /** A verified token is verified again after this time. */
  tokenKeptMs: 60_000,
  keySetTimeoutMs: 2_000,
  keySetKeptMs: 600_000,
  /** The wait after a failed fetch, which doubles with each further one, up to the cooldown. */
  keySetRetryMs: 1_000,
  /** Made-up key ids cause no more than one fetch in this time. */
  keySetCooldownMs: 30_000,
  /** How often the probes of the status and of readiness run at most. All callers share them. */
  probeEveryMs: 1_000,
  /** When a caller may repeat a request after a retryable problem. */
  retryAfterS: 1,
  /** The nodes' certificate is renewed by hand, so the status warns of its end 30 days before. */
  certificateWarningMs: 2_592_000_000,
} as const;
