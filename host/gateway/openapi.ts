/** GET /openapi.yaml: the description of the API. It calls no service and needs no token. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type HttpRequest, headerValues, readRequest } from '../../functions/http/requests.ts';
import { reply } from '../../functions/http/responses.ts';
import { machineClock } from '../../functions/runtime/clock.ts';
import { openJournal } from '../../functions/runtime/request-journal.ts';
import { root } from '../process/data-folder.ts';
import type { Handler } from './lambda.ts';

const text = readFileSync(join(root, 'docs/openapi.yaml'), 'utf8');
const etag = `"${createHash('sha256').update(text).digest('base64url')}"`;

/**
 * Whether the caller already has the document, according to `If-None-Match`. A malformed header
 * counts as no header.
 */
const isKnown = (request: Pick<HttpRequest, 'headers'>): boolean =>
  headerValues(request, 'if-none-match')
    .join()
    .split(',')
    .some((tag) => ['*', etag, `W/${etag}`].includes(tag.trim()));

export const handler: Handler = async (event, { awsRequestId: requestId }) => {
  const began = machineClock.elapsed();
  const headers = { ETag: etag };
  const result = isKnown(readRequest(event))
    ? reply({ status: 304, body: undefined, headers }, requestId)
    : reply(
        { status: 200, text, headers: { ...headers, 'Content-Type': 'application/yaml' } },
        requestId,
      );
  const elapsedMs = machineClock.elapsed() - began;
  const summary = { principal: undefined, status: result.statusCode, error: undefined, elapsedMs };
  openJournal('get-openapi', requestId).close(summary);
  return result;
};
