import { describe, expect, it } from '@jest/globals';
import { fileEndpoint, fileReply } from '../../../functions/http/env-requests.ts';
import { bodyOf } from '../../../functions/http/requests.ts';
import { requestWith } from '../../support/events.ts';
import { fieldOf } from '../../support/refusals.ts';
import { someone } from '../../support/requests.ts';

const alice = someone({ tenant: 'acme' });
const tag = 't'.repeat(43);

/** Parses a request of JSON to a route for files. */
const parse = (
  route: 'submit-env' | 'encrypt-env' | 'expand-env',
  sent: object,
  headers: Readonly<Record<string, string>> = {},
) => {
  const all = { 'Content-Type': 'application/json', ...headers };
  const request = requestWith(all, { body: JSON.stringify({ content: 'A=1', ...sent }) });
  const { takes, parse: parser } = fileEndpoint(route);
  return parser({ ...request, principal: alice, body: bodyOf(request, takes), now: 0 });
};

describe('a request with a note', () => {
  it('is accepted by the routes that create, and rejected by the one that only reads', async () => {
    for (const route of ['submit-env', 'encrypt-env'] as const) {
      expect(parse(route, { note: 'imported' }).note).toBe('imported');
      for (const note of ['', 'two\nlines', 'n'.repeat(513)]) {
        expect(await fieldOf(() => parse(route, { note }))).toBe('invalid_request note');
      }
    }
    const expanding = () => parse('expand-env', { note: 'imported' });
    expect(await fieldOf(expanding)).toBe('invalid_request note');
  });

  it('has another fingerprint than the same request with another note or with none', () => {
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

describe('a request with ifVersions', () => {
  it('is accepted by the routes that write, and rejected by the one that only reads', async () => {
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
    'rejects %j, which is no version number',
    async (version) => {
      const asked = () => parse('encrypt-env', { ifVersions: { A: version } });
      expect(await fieldOf(asked)).toBe('invalid_request ifVersions');
    },
  );

  it.each([[['A']], ['A'], 3, null].map((each) => [each]))('rejects %j', async (ifVersions) => {
    const asked = () => parse('encrypt-env', { ifVersions });
    expect(await fieldOf(asked)).toBe('invalid_request ifVersions');
  });

  it('has another fingerprint than the same request with other versions or with none', () => {
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
  it('has the options of a request that only reads, and is answered in JSON', async () => {
    expect(parse('expand-env', { unless: tag }).unless).toBe(tag);
    for (const route of ['submit-env', 'encrypt-env'] as const) {
      const writing = () => parse(route, { unless: tag });
      expect(await fieldOf(writing)).toBe('invalid_request unless');
    }
    const asText = () => parse('expand-env', { unless: tag }, { Accept: 'text/plain' });
    expect(await fieldOf(asText)).toBe('invalid_request unless');
  });

  it.each(['', 't', `${tag}t`, `${tag.slice(1)}=`, `"${tag}"`, tag.slice(1)])(
    'rejects %j, which is no tag',
    async (unless) => {
      const asked = () => parse('expand-env', { unless });
      expect(await fieldOf(asked)).toBe('invalid_request unless');
    },
  );

  it('is answered with the tag alone if the answer is unchanged', () => {
    const answer = { unchanged: true, tag } as const;
    expect(fileReply(answer, { reply: 'json' })).toEqual({ status: 200, body: answer });
  });
});
