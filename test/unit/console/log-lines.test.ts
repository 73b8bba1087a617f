import { describe, expect, it } from '@jest/globals';
import { type Filter, matches, parseLine } from '../../../cli/console/log-lines.ts';
import { requestStory } from '../../../cli/console/page/request-story.ts';
import { namesIn } from '../../../system/log-line-names.ts';
import { inOrder } from '../../../system/log-lines.ts';

const request = {
  level: 'INFO',
  message: 'request',
  service: 'vault',
  timestamp: '2026-11-24T17:10:29.671Z',
  requestId: 'c484c830-1b2c-4f00-8000-000000000001',
  operation: 'update-secret',
  tenant: 'demo',
  subject: 'you',
  secret: 'DB_PASSWORD',
  version: 2,
  outcome: 'ok',
  status: 200,
  attempts: 1,
  storeCalls: 2,
  kmsCalls: 1,
  units: 3,
  ms: 12.9,
};
const decision = {
  level: 'INFO',
  message: 'decision',
  timestamp: '2026-11-24T17:10:29.670Z',
  requestId: request.requestId,
  operation: 'update-secret',
  decision: 'version_written',
  secret: 'DB_PASSWORD',
  version: 2,
};
const lineOf = (line: object, node: number | null = 1) => {
  const parsed = parseLine(JSON.stringify(line), node);
  if (parsed === undefined) throw new Error('the line was left out');
  return parsed;
};

describe('the parser of log lines', () => {
  it('skips lines that continue a request or are about the vault; finds a request by each name it read, wrote or copied', () => {
    const read = { ...request, secret: undefined, read: ['A@1'], wrote: ['B@2'], copied: ['D@1'] };
    for (const message of ['continued', 'master key', 'certificate']) {
      expect(parseLine(JSON.stringify({ ...read, message }), 1)).toBeUndefined();
    }
    const found = ['A@1', 'b', 'd@1', 'C'].map((secret) => matches(lineOf(read), { secret }));
    expect(found).toEqual([true, true, true, false]);
  });

  it('adds the node to a line, and keeps only fields that the page knows', () => {
    expect(lineOf({ ...request, frames: ['at x'] }, 2)).toMatchObject({
      node: 2,
      operation: 'update-secret',
      ms: 12.9,
    });
    expect(lineOf({ ...request, frames: ['at x'] })).not.toHaveProperty('frames');
  });

  it('reads a request line from AWS, which also holds its metrics', () => {
    const line = { ...request, decisions: { version_written: 1 }, _aws: {}, Duration: 12.9 };
    expect(lineOf(line)).toMatchObject({ message: 'request', decisions: { version_written: 1 } });
  });

  it.each([
    ['a line with metrics alone', JSON.stringify({ _aws: {}, service: 'vault', Requests: 1 })],
    ['a sentence of a node', 'node 2 serves'],
    ['half a line', '{"message":"request","timesta'],
    ['another message', JSON.stringify({ message: 'other', timestamp: 'x' })],
  ])('ignores %s', (_, line) => {
    expect(parseLine(line, 1)).toBeUndefined();
  });
});

describe('the filter of the log', () => {
  const isShown = (wanted: Filter, line: object = request) => matches(lineOf(line), wanted);

  it('finds lines by a part of a name, outcome, decision, code or reason, or by the beginning of an id', () => {
    expect(isShown({ secret: 'db_' })).toBe(true);
    expect(isShown({ secret: 'API' })).toBe(false);
    expect(isShown({ outcome: 'OK' })).toBe(true);
    expect(isShown({ outcome: 'written' }, decision)).toBe(true);
    const decided = { ...request, decisions: { lost_race: 2, version_written: 1 } };
    expect(isShown({ outcome: 'written' }, decided)).toBe(true);
    expect(isShown({ outcome: 'created' }, decided)).toBe(false);
    expect(
      isShown({ outcome: 'not_f' }, { ...request, outcome: 'refused', code: 'not_found' }),
    ).toBe(true);
    expect(isShown({ outcome: 'hid' }, { ...request, why: 'hidden' })).toBe(true);
    expect(isShown({ outcome: 'failed' })).toBe(false);
    expect(isShown({ requestId: 'C484' })).toBe(true);
    expect(isShown({ requestId: '484' })).toBe(false);
  });

  it.each([
    { title: 'its own name', line: { secret: 'API_KEY' }, found: true },
    { title: 'its name with a version', line: { read: ['A@1', 'API_KEY@12'] }, found: true },
    { title: 'a longer name', line: { secret: 'rails.SMTP_API_KEY' }, found: false },
    { title: 'a longer name with a version', line: { wrote: ['API_KEY_2@1'] }, found: false },
    {
      title: 'its name in lower case, which is another',
      line: { read: ['api_key@1'] },
      found: false,
    },
  ])('finds a secret only by its exact name: $title', ({ line, found }) => {
    expect(isShown({ name: 'API_KEY' }, { ...request, secret: undefined, ...line })).toBe(found);
  });

  it('shows a line only if it matches every field of the filter that is not empty', () => {
    expect(isShown({ secret: 'DB', outcome: 'failed' })).toBe(false);
    expect(isShown({ secret: '', outcome: '', requestId: '' })).toBe(true);
  });

  it('hides the requests of the console itself if it is set to quiet', () => {
    const own = [
      { ...request, operation: 'get-status' },
      { ...request, operation: 'get-health' },
      ...['whoami', 'list-secrets', 'list-versions'].map((operation) => ({
        ...request,
        operation,
      })),
    ];
    for (const line of own) {
      expect(isShown({ isQuiet: true }, line)).toBe(false);
      expect(isShown({ isQuiet: false }, line)).toBe(true);
    }
    const refused = { ...request, operation: 'list-versions', outcome: 'refused' };
    for (const line of [request, decision, refused]) {
      expect(isShown({ isQuiet: true }, line)).toBe(true);
    }
  });
});

describe('the names of a line', () => {
  const line = lineOf({
    ...request,
    secret: undefined,
    read: ['A@1', 'B@1', 'C@1', 'SMTP_KEY@1', 'KEY@2'],
  });

  it.each([
    [{}, 'A@1 B@1 C@1 and 2 more'],
    [{ name: 'KEY' }, 'KEY@2 A@1 B@1 and 2 more'],
    [{ secret: 'key' }, 'SMTP_KEY@1 KEY@2 A@1 and 2 more'],
  ])('begin with those that are sought: %j', (sought, names) => {
    expect(namesIn(line, sought)).toBe(names);
  });
});

describe('the story of a request in the log', () => {
  it('orders lines by time, and lines of the same time as they were written', () => {
    const [first, second, third] = [
      lineOf({ ...decision, timestamp: '2026-11-24T17:10:29.600Z' }, 3),
      lineOf(decision, 1),
      lineOf({ ...request, timestamp: decision.timestamp }, 1),
    ];
    expect(inOrder([second, third, first])).toEqual([first, second, third]);
  });

  it('begins with a sentence that says who asked for what, how it ended and what it took', () => {
    expect(requestStory(lineOf(request, 2))).toBe(
      'demo / you asked for update-secret on DB_PASSWORD@2, and node 2 did it (200). It took 12.9 ms and 2 calls to the store and 1 call to the key service.',
    );
    const { tenant: _, subject: __, secret: ___, version: ____, ...bare } = request;
    const why = { why: 'no_rule', mismatches: [{ rule: 1, claim: 'ref' }] };
    const refused = { ...bare, outcome: 'refused', status: 401, code: 'unauthenticated', ...why };
    expect(requestStory(lineOf({ ...refused, storeCalls: 0, kmsCalls: 0 }, null))).toBe(
      'A caller without a valid token asked for update-secret, and the vault refused it (401, unauthenticated, no_rule 1:ref). It took 12.9 ms and 0 calls to the store and 0 calls to the key service.',
    );
    const failed = {
      ...request,
      outcome: 'failed',
      status: 503,
      code: 'outcome_unknown',
      attempts: 3,
    };
    expect(requestStory(lineOf(failed))).toMatch(
      /node 1 failed \(503, outcome_unknown\).*in 3 attempts\.$/,
    );
  });
});
