/** The bodies, queries and replies of each operation, as docs/openapi.yaml describes them. */
import type { components, operations as Operations } from './api.ts';
import type { operations } from './operations.ts';

/** The name of an operation of the API, such as `create-secret`. */
export type OperationId = keyof typeof operations;

type Schemas = components['schemas'];
export type WrittenVersion = Schemas['WrittenVersion'];
export type SecretVersion = Schemas['SecretVersion'];
export type VersionEntry = Schemas['VersionEntry'];
export type SecretDetails = Schemas['SecretDetails'];
/**
 * A problem document (RFC 9457), which says why the vault refused a request. `code` distinguishes
 * the kinds.
 */
export type Problem = Schemas['Problem'];

/**
 * `Type`, but every optional property may also be `undefined`. JSON omits a property that is
 * `undefined`.
 */
type OrUndefined<Type> = {
  [Key in keyof Type]: OrUndefined<Type[Key]> | (undefined extends Type[Key] ? undefined : never);
};

type JsonOf<Holder> = Holder extends { content: { 'application/json': infer Body } } ? Body : never;

/** The JSON body of a request; `undefined` for an operation without one. */
export type BodyOf<Id extends OperationId> = Operations[Id] extends { requestBody?: infer Holder }
  ? [JsonOf<NonNullable<Holder>>] extends [never]
    ? undefined
    : OrUndefined<JsonOf<NonNullable<Holder>>>
  : undefined;

/**
 * The query of an operation. If there is a JSON body, it has the options instead, and the query is
 * empty.
 */
export type QueryOf<Id extends OperationId> =
  BodyOf<Id> extends undefined
    ? Operations[Id]['parameters'] extends { query?: infer Query }
      ? OrUndefined<NonNullable<Query>>
      : Record<never, never>
    : Record<never, never>;

type SuccessOf<Responses> = {
  [Status in keyof Responses]: Status extends 200 | 201 ? JsonOf<Responses[Status]> : never;
}[keyof Responses];

/** The reply of an operation that succeeded. */
export type ReplyOf<Id extends OperationId> = SuccessOf<Operations[Id]['responses']>;
