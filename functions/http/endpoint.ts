/**
 * The life of a request: authenticate, authorize, read the body, parse, run, respond. Every refusal
 * and every fault becomes a problem document and a line in the log here.
 */
import type { FileError } from '../model/errors.ts';
import { isSecretName, type Principal, type Scope } from '../model/types.ts';
import { requireScopes } from '../vault/permission.ts';
import { type Clock, createStopwatch, type Journal, type Operation } from '../vault/request.ts';
import type { Handle, HttpReply } from './messages.ts';
import type { Authenticate } from './principal.ts';
import { type Body, bodyOf, type ReceivedRequest } from './requests.ts';
import { problem, type Reply, reply, type TextReply } from './responses.ts';

export type Endpoint<Request, Answer> = {
  /** The name of the operation. Its file, its function and its `operationId` have the same name. */
  readonly operation: string;
  readonly method: string;
  /**
   * The scopes that every caller needs, checked before the request is parsed. `parse` may require
   * more.
   */
  readonly scopes: readonly Scope[];
  /**
   * The media types of the body. Once the caller is authorized, the size and the type of the body
   * are checked before any other part of the request. A route without media types ignores the body.
   */
  readonly takes?: readonly string[];
  /** Whether the body may be missing, in which case no media type is needed either. */
  readonly bodyIsOptional?: boolean;
  /**
   * Throws `invalid_request` for a malformed request, and `forbidden` if it needs a further scope.
   * Calls no service.
   */
  readonly parse: (received: ReceivedRequest) => Request;
  readonly run: Operation<Request, Answer>;
  readonly reply: (answer: Answer, request: Request) => Reply | TextReply;
  /** Says what is wrong with the `.env` file of a request. Only routes that take a file have it. */
  readonly explain?: (error: FileError) => string;
};

/**
 * The journal of a request. `close` writes its log line. An answer must not leave before the line
 * is written, so if `close` returns a promise, the answer has to wait for it.
 */
export type RequestJournal = Journal & {
  readonly close: (summary: {
    /** The caller, once it is known. */
    readonly principal?: Principal | undefined;
    readonly status: number;
    readonly error: unknown;
    readonly elapsedMs: number;
  }) => void | Promise<void>;
};

export type EndpointParts = {
  readonly authenticate: Authenticate;
  readonly clock: Clock;
  readonly newWriteId: () => string;
  readonly openJournal: (
    operation: string,
    requestId: string,
    gatewayRequestId?: string | undefined,
  ) => RequestJournal;
};

/** Makes the function that answers the requests of one endpoint. */
export const createEndpoint =
  <Request, Answer>(
    { authenticate, clock, newWriteId, openJournal }: EndpointParts,
    endpoint: Endpoint<Request, Answer>,
  ): Handle =>
  async (sent, parameters) => {
    const began = clock.elapsed();
    const elapsed = () => clock.elapsed() - began;
    const now = clock.now();
    const { operation, method, scopes, takes, parse, run } = endpoint;
    const { requestId } = sent;
    const journal = openJournal(operation, requestId, sent.gatewayRequestId);
    let principal: Principal | undefined;
    const answer = async (): Promise<{ result: HttpReply; error?: unknown }> => {
      try {
        principal = await authenticate(sent, now);
        const { name } = parameters;
        // So that the log names the secret even if the request is refused from here on.
        if (name !== undefined && isSecretName(name)) journal.concerns({ name });
        requireScopes(principal, scopes);
        const needsBody =
          takes !== undefined && !(endpoint.bodyIsOptional && sent.body.length === 0);
        const body = needsBody ? bodyOf(sent, takes) : noBody;
        const request = parse({ ...sent, parameters, principal, body, now });
        const context = {
          requestId,
          now,
          // A read writes nothing, and drawing an id would be a part of its cost.
          writeId: method === 'GET' ? '' : newWriteId(),
          elapsed,
          storeTime: createStopwatch(elapsed),
          clock,
          journal,
        };
        const done = await run(context, principal, request);
        return { result: reply(endpoint.reply(done, request), requestId) };
      } catch (error) {
        return { result: problem(error, requestId, sent, endpoint.explain), error };
      }
    };
    const { result, error } = await answer();
    await journal.close({ principal, status: result.status, error, elapsedMs: elapsed() });
    return result;
  };

const noBody: Body = { text: '', type: '' };
