/** GET /openapi.yaml: the description of the API. It calls no service and needs no token. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { HttpRequest } from '../../functions/http/messages.ts';
import { headerValues } from '../../functions/http/requests.ts';
import { reply } from '../../functions/http/responses.ts';
import type { OpenRoute } from '../../functions/http/route.ts';
import { root } from '../process/data-folder.ts';

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

/** Only a server has this route. On AWS there is no function for it. */
export const openapiRoute: OpenRoute<unknown> = {
  operation: 'get-openapi',
  method: 'GET',
  path: '/openapi.yaml',
  scopes: [],
  serve:
    ({ clock, openJournal }) =>
    async (request) => {
      const began = clock.elapsed();
      const { requestId } = request;
      const headers = { ETag: etag };
      const result = isKnown(request)
        ? reply({ status: 304, body: undefined, headers }, requestId)
        : reply(
            { status: 200, text, headers: { ...headers, 'Content-Type': 'application/yaml' } },
            requestId,
          );
      const summary = {
        status: result.status,
        error: undefined,
        elapsedMs: clock.elapsed() - began,
      };
      await openJournal('get-openapi', requestId).close(summary);
      return result;
    },
};
