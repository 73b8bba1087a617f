/** DynamoDB's JSON protocol 1.0: the shapes that travel, and the errors that a front answers. */

export type Json = Readonly<Record<string, unknown>>;

/** An attribute value as it travels: an object with one property, named after its type. */
export type Value = {
  readonly S?: string;
  readonly N?: string;
  /** Bytes in base64. */
  readonly B?: string;
  readonly L?: readonly Value[];
  readonly M?: Item;
};
export type Item = { readonly [name: string]: Value };

export type Reply = { readonly status: number; readonly body: Json };

export const ok = (body: Json): Reply => ({ status: 200, body });

const errorReply = (status: number, name: string, message: string, more: Json = {}): Reply => ({
  status,
  body: { __type: `com.amazonaws.dynamodb.v20120810#${name}`, message, ...more },
});

/** The request is refused and has written nothing. `name` is DynamoDB's own name of the error. */
export const refuse = (name: string, message: string, more?: Json): Reply =>
  errorReply(400, name, message, more);

/** The request cannot be served now and has written nothing. */
export const unavailable = (message: string): Reply =>
  errorReply(503, 'NotServedException', message);

/** The write was sent and its result is not known. */
export const unclear = (message: string): Reply => errorReply(500, 'InternalServerError', message);

/** Why one action of a transaction failed; `None` if it did not. */
export type Reason = { readonly Code: string; readonly Message?: string; readonly Item?: Item };

/** The refusal of a transaction, with one reason for each action in its order. */
export const cancelled = (reasons: readonly Reason[]): Reply => {
  const codes = reasons.map(({ Code }) => Code).join(', ');
  const message = `Transaction cancelled, please refer cancellation reasons for specific reasons [${codes}]`;
  // DynamoDB spells this property `Message`, and some clients read no other.
  return refuse('TransactionCanceledException', message, {
    Message: message,
    CancellationReasons: reasons,
  });
};

/** An error that carries the reply to the request. */
export type Refusal = Error & { readonly reply: Reply };

export const refusal = (reply: Reply): Refusal =>
  Object.assign(new Error(String(reply.body['message'])), { reply });

export const isRefusal = (error: unknown): error is Refusal =>
  error instanceof Error && 'reply' in error;

/** DynamoDB's error for a request that is malformed or not served. */
export const invalid = (message: string): Refusal =>
  refusal(refuse('ValidationException', message));

export const isJson = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
