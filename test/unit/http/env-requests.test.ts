import { describe, expect, it } from '@jest/globals';
import {
  encryptRequest,
  expandRequest,
  fileEndpoint,
  fileReply,
  submitRequest,
} from '../../../functions/http/env-requests.ts';
import { bodyOf, type ReceivedRequest } from '../../../functions/http/requests.ts';
import type { Event } from '../../../functions/lambda/adapter.ts';
import type { ExpandEnv } from '../../../functions/vault/expand-env.ts';
import type { SubmitEnv } from '../../../functions/vault/submit-env.ts';
import { requestWith } from '../../support/events.ts';
import { fieldOf, refusalOf } from '../../support/refusals.ts';
import { someone } from '../../support/requests.ts';

const alice = someone({ tenant: 'acme' });
const tag = 't'.repeat(43);

type Requests = {
  readonly 'submit-env': SubmitEnv;
  readonly 'encrypt-env': SubmitEnv;
  readonly 'expand-env': ExpandEnv;
};
const parsers: {
  readonly [Route in keyof Requests]: (received: ReceivedRequest) => Requests[Route];
} = { 'submit-env': submitRequest, 'encrypt-env': encryptRequest, 'expand-env': expandRequest };

/** Parses a JSON request to a route for env files. */
const parse = <Route extends keyof Requests>(
  route: Route,
  sent: object,
  headers: Readonly<Record<string, string>> = {},
  more: Partial<Event> = {},
): Requests[Route] => {
  const all = { 'Content-Type': 'application/json', ...headers };
  const request = requestWith(all, {
    body: JSON.stringify({ content: 'A=1', ...sent }),
    ...more,
  });
  const body = bodyOf(request, fileEndpoint.takes);
  return parsers[route]({ ...request, parameters: {}, principal: alice, body, now: 0 });
};

describe('a request with a note', () => {
  it('is accepted by the env routes that write, and rejected by the one that only reads', async () => {
    for (const route of ['submit-env', 'encrypt-env'] as const) {
      expect(parse(route, { note: 'imported' }).note).toBe('imported');
      for (const note of ['', 'two\nlines', 'n'.repeat(513)]) {
        expect(await fieldOf(() => parse(route, { note }))).toBe('invalid_request note');
      }
    }
    const expanding = () => parse('expand-env', { note: 'imported' });
    expect(await fieldOf(expanding)).toBe('invalid_request note');
  });

  it('has another fingerprint than the same request with another note or without one', () => {
    const hashOf = (sent: object) => {
      const { fingerprint } = parse('submit-env', sent, { 'Idempotency-Key': 'k'.repeat(20) });
      return Buffer.from(fingerprint?.contentHash ?? []).toString('hex');
    };
    const values = { A: 'b' };
    const requests = [{}, { note: 'n' }, { note: 'm' }, { values }, { values, note: 'n' }];
    expect(new Set(requests.map(hashOf)).size).toBe(requests.length);
    expect(hashOf({ note: 'n' })).toBe(hashOf({ note: 'n' }));
  });
});

it('a dry run ignores its Idempotency-Key, because it has no effect that could be repeated', () => {
  const key = { 'Idempotency-Key': 'k'.repeat(20) };
  for (const route of ['submit-env', 'encrypt-env'] as const) {
    expect(parse(route, {}, key).fingerprint).toBeDefined();
    expect(parse(route, { dryRun: true }, key).fingerprint).toBeUndefined();
  }
});

it('a JSON request with an option in the query is rejected with the advice to send it in the body', async () => {
  for (const route of ['submit-env', 'encrypt-env', 'expand-env'] as const) {
    const multiValueQueryStringParameters = { dryRun: ['true'] };
    const refused = await refusalOf(() =>
      parse(route, {}, {}, { multiValueQueryStringParameters }),
    );
    expect(refused.properties.field).toBe('query');
    expect(refused.message).toContain('send dialect, dryRun and at in the body');
  }
});

describe('a request with ifVersions', () => {
  it('is accepted by the env routes that write, and rejected by the one that only reads', async () => {
    for (const route of ['submit-env', 'encrypt-env'] as const) {
      const { ifVersions } = parse(route, { ifVersions: { A: 3, B: 999_999_999 } });
      expect([...(ifVersions ?? [])]).toEqual([
        ['A', 3],
        ['B', 999_999_999],
      ]);
      expect(parse(route, {}).ifVersions).toBeUndefined();
    }
    const expanding = () => parse('expand-env', { ifVersions: {} });
    expect(await fieldOf(expanding)).toBe('invalid_request ifVersions');
  });

  it.each([0, -1, 1.5, 1_000_000_000, '3', null, [3], true])(
    'is rejected with the version %j, which is not a version number',
    async (version) => {
      const asked = () => parse('encrypt-env', { ifVersions: { A: version } });
      expect(await fieldOf(asked)).toBe('invalid_request ifVersions');
    },
  );

  it.each([[['A']], ['A'], 3, null].map((each) => [each]))(
    'is rejected if ifVersions is %j',
    async (ifVersions) => {
      const asked = () => parse('encrypt-env', { ifVersions });
      expect(await fieldOf(asked)).toBe('invalid_request ifVersions');
    },
  );

  it('has another fingerprint than the same request with other versions or without them', () => {
    const hashOf = (sent: object) => {
      const { fingerprint } = parse('encrypt-env', sent, { 'Idempotency-Key': 'k'.repeat(20) });
      return Buffer.from(fingerprint?.contentHash ?? []).toString('hex');
    };
    const ifVersions = { A: 3, B: 4 };
    const text = '[["A",3],["B",4]]';
    const requests = [
      {},
      { ifVersions: {} },
      { ifVersions },
      { ifVersions: { A: 3, B: 5 } },
      { ifVersions, note: 'n' },
      { note: text },
      { values: { n: text } },
    ];
    expect(new Set(requests.map(hashOf)).size).toBe(requests.length);
    expect(hashOf({ ifVersions: { B: 4, A: 3 } })).toBe(hashOf({ ifVersions }));
  });
});

describe('a request with the tag of an earlier answer', () => {
  it('is accepted only by the route that reads, and only for an answer in JSON', async () => {
    expect(parse('expand-env', { unless: tag }).unless).toBe(tag);
    for (const route of ['submit-env', 'encrypt-env'] as const) {
      const writing = () => parse(route, { unless: tag });
      expect(await fieldOf(writing)).toBe('invalid_request unless');
    }
    const asText = () => parse('expand-env', { unless: tag }, { Accept: 'text/plain' });
    expect(await fieldOf(asText)).toBe('invalid_request unless');
  });

  it.each(['', 't', `${tag}t`, `${tag.slice(1)}=`, `"${tag}"`, tag.slice(1)])(
    'is rejected with the tag %j, which is malformed',
    async (unless) => {
      const asked = () => parse('expand-env', { unless });
      expect(await fieldOf(asked)).toBe('invalid_request unless');
    },
  );

  it('is answered with the tag alone, without a file, if the answer has not changed', () => {
    const answer = { unchanged: true, tag } as const;
    expect(fileReply(answer, { reply: 'json' })).toEqual({ status: 200, body: answer });
  });
});
