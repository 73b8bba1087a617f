import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { RequestJournal } from '../../../functions/http/endpoint.ts';
import { type ErrorCode, VaultError } from '../../../functions/model/errors.ts';
import { openJournal } from '../../../functions/runtime/journal.ts';
import type { Decision } from '../../../functions/vault/request.ts';
import { someone } from '../../support/requests.ts';

type Line = Readonly<Record<string, unknown>>;
type Closing = Parameters<RequestJournal['close']>[0];
const canary = 'c4n4ryS3cr3t';
const principal = someone({
  ...{ issuer: 'github', rule: 2, tenant: 'acme' },
  ...{ scopes: [canary], names: [canary] },
});
const closing: Closing = { principal, status: 200, error: undefined, elapsedMs: 12.345 };

let written: string;
beforeEach(() => {
  written = '';
  for (const stream of [process.stdout, process.stderr]) {
    jest.spyOn(stream, 'write').mockImplementation((chunk) => {
      written += String(chunk);
      return true;
    });
  }
});
afterEach(() => {
  jest.restoreAllMocks();
});

/** The lines that a request writes. Each line must be one JSON object. */
const linesOf = (work: (journal: RequestJournal) => void): readonly Line[] => {
  work(openJournal('get-secret', 'r-1'));
  const lines = written.split('\n').filter((line) => line !== '');
  return lines.map((line) => JSON.parse(line));
};
const messagesOf = (lines: readonly Line[], message: string) =>
  lines.filter((line) => line['message'] === message);

/** The line of a request that ended as given. */
const lineOf = (end: Partial<Closing>): Line => {
  written = '';
  const lines = linesOf((journal) => journal.close({ ...closing, ...end }));
  return messagesOf(lines, 'request')[0] ?? {};
};
const lineOfFailure = (error: unknown, status = 500): Line => lineOf({ error, status });

describe('the line of a request', () => {
  it('sums up the request in named fields', () => {
    const lines = linesOf((journal) => {
      journal.called('store', 'GetItem', 1);
      journal.called('store', 'TransactWriteItems', 4);
      journal.called('kms', 'Decrypt');
      journal.answered('k-1');
      journal.opened({ name: 'DB_PASSWORD', version: 3 });
      journal.opened({ name: 'DB_PASSWORD', version: 3 });
      journal.decided('created', { name: 'API_KEY', version: 1 });
      journal.decided('refused_exists', { name: 'OTHER' });
      journal.attempted();
      journal.attempted();
      journal.concerns({ name: 'DB_PASSWORD', version: 3 });
      journal.close(closing);
    });
    const requests = messagesOf(lines, 'request');
    expect(requests).toHaveLength(1);
    const { timestamp, ...line } = requests[0] ?? {};
    expect(String(timestamp)).toMatch(/^\d{4}-\d{2}-\d{2}T/);
    expect(line).toEqual({
      ...{ level: 'INFO', message: 'request', service: 'vault', sampling_rate: 0 },
      ...{ requestId: 'r-1', operation: 'get-secret' },
      ...{ issuer: 'github', rule: 2, tenant: 'acme', subject: 'alice' },
      ...{ secret: 'DB_PASSWORD', version: 3, outcome: 'ok', status: 200, ms: 12.3 },
      ...{ attempts: 2, storeCalls: 2, kmsCalls: 1, units: 5 },
      ...{ read: ['DB_PASSWORD@3'], wrote: ['API_KEY@1'], kmsRequestIds: ['k-1'] },
    });
  });

  it('has an empty list of ids if no call to KMS got a reply, and no list without a call', () => {
    const [request] = messagesOf(
      linesOf((journal) => {
        journal.called('kms', 'Decrypt');
        journal.answered(undefined);
        journal.close(closing);
      }),
      'request',
    );
    expect(request).toMatchObject({ kmsCalls: 1, kmsRequestIds: [] });
    for (const field of ['read', 'wrote']) expect(request).not.toHaveProperty(field);
    expect(lineOf({})).not.toHaveProperty('kmsRequestIds');
  });

  it('has at most 96 names and ids, and further lines of the same caller have the others', () => {
    const numbered = (mark: string, count: number) =>
      Array.from({ length: count }, (_, index) => `${mark}${index}`);
    const names = numbered('N', 200);
    const ids = numbered('k-', 97);
    const lines = linesOf((journal) => {
      for (const name of names) journal.opened({ name, version: 1 });
      for (const id of ids) journal.answered(id);
      for (const name of numbered('N', 96))
        journal.decided('outcome_unknown', { name, version: 2 });
      journal.close({ ...closing, status: 503, error: new VaultError('outcome_unknown', '') });
    });
    const [request, ...more] = ['request', 'continued'].flatMap((one) => messagesOf(lines, one));
    expect(more).toHaveLength(2);
    const who = { requestId: 'r-1', operation: 'get-secret', issuer: 'github', tenant: 'acme' };
    const end = { rule: 2, subject: 'alice', outcome: 'failed', code: 'outcome_unknown' };
    for (const line of more) expect(line).toMatchObject({ ...who, ...end, status: 503 });
    const listed = (field: string) => [request, ...more].map((line) => line?.[field] ?? []);
    expect(listed('read').map((list) => (list as []).length)).toEqual([96, 96, 8]);
    expect(listed('read').flat()).toEqual(names.map((name) => `${name}@1`));
    expect(listed('kmsRequestIds').flat()).toEqual(ids);
    expect(listed('wrote').flat()).toHaveLength(96);
    expect(more[1]).not.toHaveProperty('wrote');
  });

  it('names nothing of an unknown caller', () => {
    const line = lineOf({ principal: undefined, status: 401 });
    for (const field of ['issuer', 'rule', 'tenant', 'subject']) {
      expect(line).not.toHaveProperty(field);
    }
  });

  it('names no rule if the claims of the token made the caller', () => {
    const line = lineOf({ principal: { ...principal, rule: undefined } });
    expect(line).toMatchObject({ issuer: 'github', tenant: 'acme' });
    expect(line).not.toHaveProperty('rule');
  });

  it.each<[number, ErrorCode | undefined, object]>([
    [404, 'not_found', { level: 'INFO', outcome: 'refused' }],
    [500, 'internal', { level: 'ERROR', outcome: 'failed' }],
    [503, 'store_unavailable', { level: 'ERROR', outcome: 'failed' }],
    [503, undefined, { level: 'ERROR', outcome: 'failed' }],
  ])('tells the status %s and the code %s with %j', (status, code, expected) => {
    const error = code && new VaultError(code, '');
    expect(lineOfFailure(error, status)).toMatchObject({
      ...expected,
      status,
      ...(code && { code }),
    });
  });

  it('counts for one request only', () => {
    const first = openJournal('get-secret', 'r-0');
    first.called('kms', 'Decrypt');
    first.attempted();
    expect(lineOf({})).toMatchObject({ storeCalls: 0, kmsCalls: 0, units: 0, attempts: 0 });
  });
});

describe('the line of a decision', () => {
  const levels: Readonly<Record<Decision, 'WARN' | 'INFO'>> = {
    ...{ key_fault: 'WARN', integrity_failure: 'WARN', outcome_unknown: 'WARN' },
    ...{ clock_skew: 'WARN', table_replicated: 'WARN' },
    ...{
      created: 'INFO',
      deleted: 'INFO',
      destroyed: 'INFO',
      refused_exists: 'INFO',
      version_written: 'INFO',
      lost_race: 'INFO',
    },
    ...{ try_failed: 'INFO', replayed: 'INFO', idempotency_key_reused: 'INFO' },
  };

  it.each(Object.entries(levels))('reports %s at once, at level %s', (name, level) => {
    const decision = name as Decision;
    const lines = linesOf((journal) => journal.decided(decision, { name: 'A', version: 2 }));
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatchObject({
      ...{ level, message: 'decision', requestId: 'r-1', operation: 'get-secret' },
      ...{ decision, secret: 'A', version: 2 },
    });
  });

  it.each([
    ['an unreported', false],
    ['a reported', true],
  ])('appears once for a request that ends with %s integrity failure', (_, isReported) => {
    const lines = linesOf((journal) => {
      journal.concerns({ name: 'A' });
      if (isReported) journal.decided('integrity_failure', { name: 'A' });
      journal.close({ ...closing, status: 500, error: new VaultError('integrity_failure', '') });
    });
    expect(messagesOf(lines, 'decision')).toMatchObject([
      { level: 'WARN', decision: 'integrity_failure', secret: 'A' },
    ]);
  });

  it('names no secret if it concerns none', () => {
    const [line] = linesOf((journal) => journal.decided('key_fault'));
    expect(line).not.toHaveProperty('secret');
    expect(line).not.toHaveProperty('version');
  });
});

describe('the log', () => {
  const quoted = Object.assign(new SyntaxError(`Unexpected token in "${canary}"`), {
    body: canary,
    $response: { body: canary },
  });
  const multiline = new Error(`broken at\n    at ${canary} (${canary}:1:1)\n    at ${canary}`);
  const nested = new Error(canary, { cause: new Error(canary, { cause: canary }) });
  const stack = `Error: \n    at ${canary}:1:1`;
  const renamed = Object.assign(new Error('changed since'), { stack });
  const faults: readonly Error[] = [quoted, multiline, nested, renamed];

  it.each(faults)('omits the message of a bug: %#', (error) => {
    const line = lineOfFailure(error);
    expect(line).toMatchObject({ code: 'internal', cause: error.name });
    expect(written).not.toContain(canary);
  });

  it.each(faults)('omits the message of a cause: %#', (cause) => {
    for (const code of ['internal', 'store_unavailable', 'invalid_request'] as ErrorCode[]) {
      const error = new VaultError(code, canary, { members: { field: canary }, cause });
      expect(lineOfFailure(error)).toMatchObject({ cause: cause.name });
      expect(written).not.toContain(canary);
    }
  });

  it.each([canary, { [canary]: canary }, [canary], null])('omits a thrown value: %j', (error) => {
    expect(lineOfFailure(error)).toMatchObject({ code: 'internal', status: 500 });
    expect(written).not.toContain(canary);
  });

  it('shows neither scopes nor names of the caller', () => {
    linesOf((journal) => journal.close(closing));
    expect(written).not.toContain(canary);
  });
});

describe('the frames of a stack', () => {
  it('appear for a bug, so that it can be found', () => {
    const { frames } = lineOfFailure(new TypeError('x'));
    expect(frames).toContainEqual(expect.stringMatching(/^at .*journal\.test\.ts:\d+:\d+/));
  });

  it('appear for a bug with a cause', () => {
    const line = lineOfFailure(new VaultError('internal', '', { cause: new TypeError('x') }));
    expect(line['frames']).toContainEqual(expect.stringContaining('journal.test.ts'));
  });

  it('stay out for faults of others', () => {
    const cause = new TypeError('x');
    const line = lineOfFailure(new VaultError('store_unavailable', '', { cause }), 503);
    expect(line).toMatchObject({ cause: 'TypeError' });
    expect(line).not.toHaveProperty('frames');
  });
});

describe('the metrics of a request', () => {
  const metricsOf = (work: (journal: RequestJournal) => void) =>
    linesOf(work).filter((line) => '_aws' in line);

  it('form one line in the embedded metric format', () => {
    const metrics = metricsOf((journal) => {
      journal.decided('lost_race');
      journal.decided('lost_race');
      journal.close({ ...closing, status: 503, error: new VaultError('outcome_unknown', '') });
    });
    expect(metrics).toHaveLength(1);
    const counts = ['Requests', 'Faults', 'LostRaces'];
    const directive = {
      Namespace: 'SecretsVault',
      Dimensions: [expect.arrayContaining(['service', 'operation'])],
      Metrics: expect.arrayContaining([
        ...counts.map((Name) => ({ Name, Unit: 'Count' })),
        { Name: 'Duration', Unit: 'Milliseconds' },
      ]),
    };
    expect(metrics[0]).toMatchObject({
      ...{ service: 'vault', operation: 'get-secret', Duration: 12.345 },
      ...{ Requests: 1, Faults: 1, LostRaces: 2 },
      _aws: { Timestamp: expect.any(Number), CloudWatchMetrics: [directive] },
    });
  });

  it('count no fault for a refusal, and nothing of the request before', () => {
    const metrics = metricsOf((journal) => {
      journal.close({ ...closing, status: 404, error: new VaultError('not_found', '') });
    });
    expect(metrics[0]).toMatchObject({ Requests: 1, Faults: 0, LostRaces: 0 });
  });

  it.each([
    ...['key_fault', 'integrity_failure', 'outcome_unknown', 'clock_skew', 'table_replicated'],
  ] as const)('count the warning %s in a line of its own', (decision) => {
    const [request, warning] = metricsOf((journal) => {
      journal.decided(decision, { name: 'A', version: 1 });
      journal.decided(decision, { name: 'B', version: 1 });
      journal.close(closing);
    });
    expect(warning).toMatchObject({ service: 'vault', decision, Warnings: 2 });
    expect(warning?.['_aws']).toMatchObject({
      CloudWatchMetrics: [{ Dimensions: [expect.arrayContaining(['service', 'decision'])] }],
    });
    expect(request).not.toHaveProperty('Warnings');
  });

  it('hold no name of a tenant, a subject or a secret', () => {
    const metrics = metricsOf((journal) => {
      journal.concerns({ name: 'DB_PASSWORD' });
      journal.decided('key_fault', { name: 'DB_PASSWORD', version: 1 });
      journal.close(closing);
    });
    expect(JSON.stringify(metrics)).not.toMatch(/acme|alice|DB_PASSWORD/);
  });
});
