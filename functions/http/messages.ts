/** Requests and replies in HTTP's own terms, whatever carries them to the vault. */

/**
 * The values of each header in the order in which they were sent. Names are in lower case. The
 * object must not have a prototype with properties, because a header may have any name.
 */
export type RequestHeaders = Readonly<Record<string, readonly string[] | undefined>>;

export type HttpRequest = {
  /** The id of the request in log lines and in its reply. */
  readonly requestId: string;
  /** The id that a gateway in front of the vault gave to the request, if it has another one. */
  readonly gatewayRequestId?: string | undefined;
  /** The path as it was sent, without the query. */
  readonly path: string;
  /** The decoded parameters of the query, in order. */
  readonly query: readonly (readonly [name: string, value: string])[];
  readonly headers: RequestHeaders;
  readonly body: Uint8Array;
};

/** The parts of the path that a route names, such as `name`, as they were sent. */
export type PathParameters = Readonly<Record<string, string>>;

export type HttpReply = {
  readonly status: number;
  /** Only names and values that HTTP allows. The transport does not check them. */
  readonly headers: Readonly<Record<string, string>>;
  /** Empty if the reply has no body. */
  readonly body: string;
};

/** Answers a request. Rejects only because of a bug. */
export type Handle = (request: HttpRequest, parameters: PathParameters) => Promise<HttpReply>;
