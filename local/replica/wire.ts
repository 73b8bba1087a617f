/** The words of DynamoDB's JSON protocol (1.0), as far as the replica must understand them. */

export type Wire = Readonly<Record<string, unknown>>;
/** What a store or a front answers. */
export type WireReply = { readonly status: number; readonly body: Wire };
/** Why an action of a cancelled transaction did not hold; positional. */
export type Reason = {
  readonly Code?: string;
  readonly Message?: string;
  readonly Item?: Wire;
};
/** One action of a transaction, and what it asks for. */
export type Action = Readonly<Record<string, Wire>>;

export const isWire = (value: unknown): value is Wire =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const typeOf = (name: string): string =>
  name === 'ValidationException'
    ? `com.amazon.coral.validate#${name}`
    : `com.amazonaws.dynamodb.v20120810#${name}`;

/** A refusal that is DynamoDB's own kind: nothing was written. */
export const refuse = (name: string, message: string, members: Wire = {}): WireReply => ({
  status: 400,
  body: { __type: typeOf(name), message, ...members },
});

/** Refused before anything was tried; nothing was written. */
export const unavailable = (message: string): WireReply => ({
  status: 503,
  body: { __type: typeOf('ServiceUnavailable'), message },
});

/** What came of it is not known here. */
export const unclear = (message: string): WireReply => ({
  status: 500,
  body: { __type: typeOf('InternalServerError'), message },
});

/** The name of a reply's error, without its namespace; '' if it has none. */
export const errorName = ({ body }: WireReply): string => {
  const { __type: type } = body;
  return typeof type === 'string' ? type.slice(type.indexOf('#') + 1) : '';
};

export const reasonsOf = ({ body }: WireReply): readonly Reason[] =>
  Array.isArray(body['CancellationReasons']) ? body['CancellationReasons'] : [];

/** The same JSON for the same content, whatever the order of the keys. */
export const canonicalJson = (value: unknown): string =>
  JSON.stringify(value, (_, inner: unknown) =>
    isWire(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
