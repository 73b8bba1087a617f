/** The refusals of the gateway itself, in the form of the functions' problems. */
import { randomUUID } from 'node:crypto';
import { STATUS_CODES } from 'node:http';
import { problem } from '../../functions/http/responses.ts';
import { VaultError } from '../../functions/model/errors.ts';
import { limits } from '../../functions/model/limits.ts';
import type { Unread } from './body.ts';
import type { Unreadable } from './bounded-server.ts';
import type { Bounds } from './bounds.ts';

export const routeNotFound = () => new VaultError('route_not_found', 'no route has this path');
export const fromPage = () => new VaultError('forbidden', 'a web page may not use the vault');
export const methodNotAllowed = () =>
  new VaultError('method_not_allowed', 'the route does not have this method');

const bodyTooLarge = () =>
  new VaultError('too_large', 'the body is too large', { members: { limit: limits.bodyBytesMax } });
const tooSlow = () => new VaultError('request_timeout', 'the request took too long to arrive');
const malformed = () =>
  new VaultError('invalid_request', 'this is not a valid HTTP request', {
    members: { field: 'request' },
  });
const noRoom = () =>
  new VaultError('throttled', 'too many bodies are being sent at once; nothing was written');

/** Makes the problem of a request whose body was not read. */
export const unread = (why: Unread): VaultError =>
  ({ 'too long': bodyTooLarge, 'too slow': tooSlow, 'no room': noRoom, malformed })[why]();

export const tooManyParameters = ({ queryParametersMax: limit }: Bounds) =>
  new VaultError('too_large', 'the query has too many parameters', {
    members: { field: 'query', limit },
  });

/** Makes the raw reply, status line included, to something that is not a valid request. */
export const refuseUnreadable =
  ({ headerBytesMax, headersMax }: Bounds) =>
  (reason: Unreadable): string => {
    const tooLarge = (sentence: string, limit: number) => () =>
      new VaultError('too_large', sentence, { members: { field: 'headers', limit } });
    const errors = {
      malformed,
      'too slow': tooSlow,
      'headers too large': tooLarge('the headers are too large', headerBytesMax),
      'too many headers': tooLarge('the request has too many headers', headersMax),
    };
    const { statusCode, headers, body } = problem(errors[reason](), randomUUID());
    const lines = Object.entries({
      ...headers,
      'Content-Length': Buffer.byteLength(body),
      Connection: 'close',
    }).map(([name, value]) => `${name}: ${value}\r\n`);
    return `HTTP/1.1 ${statusCode} ${STATUS_CODES[statusCode]}\r\n${lines.join('')}\r\n${body}`;
  };
