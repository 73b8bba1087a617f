/** The limits of one port, each with its reason. Sizes are in bytes, times in milliseconds. */
export const bounds = {
  /** Fifty clients of twenty connections each; their headers alone may be 64 MiB. */
  connectionsMax: 1_000,
  /** Few clients send a request before the last was answered. Each request that waits costs some KB. */
  waitingRequestsMax: 16,
  /** This is several times a token of 8 KiB and all other headers that a request may carry. */
  headerBytesMax: 65_536,
  /** Proxies add some twenty headers to those of a client. */
  headersMax: 100,
  /** No route knows more than four parameters. The function names the unknown ones of a short query. */
  queryParametersMax: 100,
  /** Holds for all bodies of one port together, until their requests are answered: 64 bodies of the largest kind. */
  bodyBytesHeldMax: 64 * 1_048_576,
  /** Holds for all replies of one port together, until they are read: 32 replies of the largest kind. */
  replyBytesHeldMax: 128 * 1_048_576,
  /** Headers come in one piece, or in a few. */
  headersMs: 10_000,
  /** The largest body arrives in this time at 280 kbit/s. */
  requestMs: 30_000,
  /** The largest reply is read in this time at 1.1 Mbit/s. */
  replyMs: 30_000,
  /** Clients use a connection again within a minute, or open another one. */
  idleMs: 60_000,
  /** The interval at which the times of headers and requests are checked. */
  checkEveryMs: 1_000,
  /** After the answer to an unreadable request, its sender has this time to read the answer. */
  lingerMs: 5_000,
} as const;

export type Bounds = { readonly [Name in keyof typeof bounds]: number };
