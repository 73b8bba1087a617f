import { describe, expect, it } from '@jest/globals';
import {
  createEndpoint,
  type Endpoint,
  type EndpointParts,
  type RequestJournal,
} from '../../../functions/http/endpoint.ts';
import type { HttpRequest } from '../../../functions/http/messages.ts';
import type { Body } from '../../../functions/http/requests.ts';
import { ApiError } from '../../../functions/model/errors.ts';
import type { Principal } from '../../../functions/model/types.ts';
import type { RequestContext } from '../../../functions/vault/request.ts';
import { requestOf, requestWith } from '../../support/events.ts';
import { readableJournal, someone } from '../../support/requests.ts';
import { startOfTime, virtualClock } from '../../support/virtual-clock.ts';

type Closing = Parameters<RequestJournal['close']>[0];
const canary = 'c4n4ryS3cr3t';

/** An endpoint that records its steps in order. It throws in the steps named in `fail`. */
const recorded = (
  options: {
    readonly fail?: Readonly<Record<string, unknown>>;
    readonly principal?: Principal;
    readonly scopes?: Endpoint<string, string>['scopes'];
    readonly takes?: readonly string[];
    readonly bodyIsOptional?: boolean;
    readonly body?: unknown;
    readonly method?: string;
  } = {},
) => {
  const steps: string[] = [];
  const closings: Closing[] = [];
  const contexts: RequestContext[] = [];
  const instants: number[] = [];
  const bodies: Body[] = [];
  const clock = virtualClock();
  const step = (name: string) => {
    steps.push(name);
    clock.advance(10);
    if (options.fail && name in options.fail) throw options.fail[name];
  };
  let writeIds = 0;
  const parts: EndpointParts = {
    authenticate: async (_event, now) => {
      step('authenticate');
      instants.push(now);
      return options.principal ?? someone();
    },
    clock,
    newWriteId: () => `w-${++writeIds}`,
    openJournal: (operation, requestId, gatewayRequestId) => {
      steps.push(['open', operation, requestId, gatewayRequestId].join(' ').trim());
      return { ...readableJournal(), close: (closing) => void closings.push(closing) };
    },
  };
  const handle = createEndpoint<string, string>(parts, {
    operation: 'get-secret',
    method: options.method ?? 'POST',
    scopes: options.scopes ?? ['secrets:read'],
    ...(options.takes && { takes: options.takes }),
    bodyIsOptional: options.bodyIsOptional ?? false,
    parse: ({ now, body }) => {
      step('parse');
      bodies.push(body);
      return `parsed at ${now}`;
    },
    run: async (context, _principal, request) => {
      contexts.push(context);
      step('run');
      return request;
    },
    reply: (request) => ({
      status: 201,
      body: options.body ?? { request },
      headers: { ETag: '"1"' },
    }),
  });
  const call = (request: HttpRequest = requestOf()) => handle(request, {});
  return { call, steps, closings, contexts, instants, bodies, clock };
};

describe('a request', () => {
  it('passes the request id of the gateway to its journal', async () => {
    const { call, steps } = recorded();
    await call({ ...requestOf(), gatewayRequestId: 'g-1' });
    expect(steps[0]).toBe('open get-secret r-1 g-1');
  });

  it('is authenticated, parsed, carried out and answered, in this order', async () => {
    const { call, steps, closings, contexts, instants, clock } = recorded();
    const result = await call();
    expect(steps).toEqual(['open get-secret r-1', 'authenticate', 'parse', 'run']);
    expect(result).toMatchObject({
      status: 201,
      headers: { ETag: '"1"', 'X-Request-Id': 'r-1', 'Cache-Control': 'no-store' },
      body: `{"request":"parsed at ${startOfTime}"}`,
    });
    expect(closings).toHaveLength(1);
    expect(closings[0]).toMatchObject({ status: 201, elapsedMs: 30 });
    expect(closings[0]?.error).toBeUndefined();
    expect(closings[0]?.principal?.subject).toBe('alice');
    expect(contexts[0]).toMatchObject({ requestId: 'r-1', now: startOfTime, writeId: 'w-1' });
    expect(instants).toEqual([startOfTime]);
    clock.advance(5);
    expect(contexts[0]?.elapsed()).toBe(35);
  });

  it('has its own write id and elapsed time', async () => {
    const { call, contexts, closings } = recorded();
    await call();
    await call();
    expect(contexts.map(({ writeId }) => writeId)).toEqual(['w-1', 'w-2']);
    expect(closings.map(({ elapsedMs }) => elapsedMs)).toEqual([30, 30]);
  });

  it('has no write id if it is a GET, which writes nothing', async () => {
    const { call, contexts } = recorded({ method: 'GET' });
    await call();
    expect(contexts.map(({ writeId }) => writeId)).toEqual(['']);
  });

  it('is rejected with 401 before parsing if its token is invalid', async () => {
    const { call, steps, closings } = recorded({
      fail: { authenticate: new ApiError('unauthenticated', 'no') },
    });
    expect((await call()).status).toBe(401);
    expect(steps).toEqual(['open get-secret r-1', 'authenticate']);
    expect(closings[0]?.principal).toBeUndefined();
  });

  it.each<[readonly string[], string]>([
    [[], 'secrets:read'],
    [['secrets:write'], 'secrets:read'],
    [['secrets:read'], 'secrets:write'],
    [['secrets:readx', 'secrets', '*'], 'secrets:read'],
  ])('is rejected with 403 before parsing if its scopes %j lack %s', async (scopes, missing) => {
    const { call, steps, closings } = recorded({
      principal: someone({ scopes }),
      scopes: ['secrets:read', 'secrets:write'],
      fail: { parse: new ApiError('invalid_request', 'would be wrong, too') },
    });
    const result = await call();
    expect(result.status).toBe(403);
    expect(JSON.parse(result.body)).toMatchObject({ code: 'forbidden', scope: missing });
    expect(closings[0]?.error).toMatchObject({ forLog: { why: missing } });
    expect(steps).not.toContain('parse');
  });

  it('needs no scope on a route without scopes', async () => {
    const { call } = recorded({ principal: someone({ scopes: [] }), scopes: [] });
    expect((await call()).status).toBe(201);
  });

  it('is rejected with 400 before the operation runs if it is malformed', async () => {
    const { call, steps } = recorded({ fail: { parse: new ApiError('invalid_request', 'no') } });
    expect((await call()).status).toBe(400);
    expect(steps).not.toContain('run');
  });
});

describe('the body of a request', () => {
  it('reaches the parser as text with its media type', async () => {
    const { call, bodies } = recorded({ takes: ['application/json', 'text/plain'] });
    const request = requestWith({ 'Content-Type': 'application/json' }, { body: '{}' });
    expect((await call(request)).status).toBe(201);
    expect(bodies).toEqual([{ text: '{}', type: 'application/json' }]);
  });

  it('may be absent without a media type where it is optional, and needs a media type otherwise', async () => {
    const takes = ['application/json'];
    const { call, bodies } = recorded({ takes, bodyIsOptional: true });
    for (const body of [null, '']) expect((await call(requestOf({ body }))).status).toBe(201);
    expect(bodies).toEqual([
      { text: '', type: '' },
      { text: '', type: '' },
    ]);
    // A body must come with its media type.
    expect((await call(requestOf({ body: '{}' }))).status).toBe(415);
    expect((await call(requestOf({ body: ' ' }))).status).toBe(415);
    expect((await recorded({ takes }).call(requestOf())).status).toBe(415);
  });
});

describe('a failure', () => {
  it.each(['authenticate', 'parse', 'run'])(
    'becomes 500 internal without details if %s throws an unexpected error',
    async (where) => {
      const bug = where === 'run' ? canary : new TypeError(canary, { cause: canary });
      const { call, closings } = recorded({ fail: { [where]: bug } });
      const result = await call();
      expect(result.status).toBe(500);
      expect(JSON.parse(result.body).code).toBe('internal');
      expect(JSON.stringify(result)).not.toContain(canary);
      expect(closings).toHaveLength(1);
      expect(closings[0]).toMatchObject({ status: 500, error: bug });
    },
  );

  it('carries the standard headers and closes the journal once', async () => {
    const refused = new ApiError('not_found', 'no such secret');
    const { call, closings } = recorded({ fail: { run: refused } });
    const result = await call();
    expect(result.headers).toEqual({
      'Content-Type': 'application/problem+json',
      'X-Request-Id': 'r-1',
      'Cache-Control': 'no-store',
      'X-Content-Type-Options': 'nosniff',
    });
    expect(closings).toHaveLength(1);
    expect(closings[0]).toMatchObject({ status: 404, error: refused });
    expect(closings[0]?.principal).toBeDefined();
  });

  it('becomes 500 internal if the reply cannot be serialised', async () => {
    const { call } = recorded({ body: { big: 1n } });
    expect((await call()).status).toBe(500);
  });
});
