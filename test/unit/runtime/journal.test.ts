import { beforeEach, describe, expect, it } from '@jest/globals';
import type { RequestJournal } from '../../../functions/http/endpoint.ts';
import { metricsOf } from '../../../functions/lambda/cloudwatch-metrics.ts';
import { ApiError, type ErrorCode } from '../../../functions/model/errors.ts';
import type { Measures } from '../../../functions/runtime/request-journal.ts';
import type { Decision, Selection } from '../../../functions/vault/request.ts';
import { createKeptLog, type KeptLog } from '../../support/kept-log.ts';
import type { Line } from '../../support/log-lines.ts';
import { someone } from '../../support/requests.ts';

type Closing = Parameters<RequestJournal['close']>[0];
const canary = 'c4n4ryS3cr3t';
const principal = someone({
  ...{ issuer: 'github', rule: 2, tenant: 'acme' },
  ...{ scopes: [canary], names: [canary] },
});
const closing: Closing = { principal, status: 200, error: undefined, elapsedMs: 12.345 };

let log: KeptLog;
beforeEach(() => {
  log = createKeptLog();
});

const openIn = ({ openJournal }: KeptLog, gatewayRequestId?: string): RequestJournal =>
  openJournal('get-secret', 'r-1', gatewayRequestId);

/** Returns all lines of the test's log so far. */
const linesOf = (work: (journal: RequestJournal) => void): readonly Line[] => {
  work(openIn(log));
  return log.lines();
};
const messagesOf = (lines: readonly Line[], message: string) =>
  lines.filter((line) => line['message'] === message);

const lineOf = (end: Partial<Closing>): Line => {
  const lines = linesOf((journal) => journal.close({ ...closing, ...end }));
  return messagesOf(lines, 'request').at(-1) ?? {};
};
const lineOfFailure = (error: unknown, status = 500): Line => lineOf({ error, status });
const expectNoCanary = () => expect(JSON.stringify(log.written)).not.toContain(canary);

describe('the log line of a request', () => {
  it('summarises the request in named fields, and is its only line', () => {
    const lines = linesOf((journal) => {
      journal.called('store', 'GetItem', 1);
      journal.called('store', 'TransactWriteItems', 4);
      journal.called('kms', 'Decrypt');
      journal.answered('k-1');
      journal.opened({ name: 'DB_PASSWORD', version: 3 }, 'current');
      journal.opened({ name: 'DB_PASSWORD', version: 3 }, 'current');
      journal.decided('created', { name: 'API_KEY', version: 1 });
      journal.decided('lost_race', { name: 'OTHER' });
      journal.decided('lost_race', { name: 'OTHER' });
      journal.attempted();
      journal.attempted();
      journal.concerns({ name: 'DB_PASSWORD', version: 3 });
      void journal.close(closing);
    });
    expect(lines).toHaveLength(1);
    const { timestamp, run: _, seq: __, prev: ___, ...line } = lines[0] ?? {};
    expect(timestamp).toBe(new Date(String(timestamp)).toISOString());
    expect(line).toEqual({
      ...{ level: 'INFO', message: 'request', service: 'vault' },
      ...{ requestId: 'r-1', operation: 'get-secret' },
      ...{ issuer: 'github', rule: 2, tenant: 'acme', subject: 'alice' },
      ...{ secret: 'DB_PASSWORD', version: 3, outcome: 'ok', status: 200, ms: 12.3 },
      ...{ attempts: 2, storeCalls: 2, kmsCalls: 1, units: 5 },
      decisions: { created: 1, lost_race: 2 },
      ...{ read: ['DB_PASSWORD@3'], wrote: ['API_KEY@1'], kmsRequestIds: ['k-1'], pinned: [] },
    });
  });

  it('has an empty list of KMS request ids if no KMS call has an id, and no list if there was no KMS call', () => {
    const [request] = messagesOf(
      linesOf((journal) => {
        journal.called('kms', 'Decrypt');
        journal.answered(undefined);
        void journal.close(closing);
      }),
      'request',
    );
    expect(request).toMatchObject({ kmsCalls: 1, kmsRequestIds: [] });
    for (const field of ['read', 'wrote']) expect(request).not.toHaveProperty(field);
    expect(lineOf({})).not.toHaveProperty('kmsRequestIds');
  });

  it('has at most 96 entries in each list, and further lines of the same caller have the rest', () => {
    const numbered = (mark: string, count: number) =>
      Array.from({ length: count }, (_, index) => `${mark}${index}`);
    const names = numbered('N', 200);
    const ids = numbered('k-', 97);
    const lines = linesOf((journal) => {
      for (const name of names) journal.opened({ name, version: 1 }, 'number');
      for (const id of ids) journal.answered(id);
      for (const name of numbered('N', 96))
        journal.decided('outcome_unknown', { name, version: 2 });
      void journal.close({ ...closing, status: 503, error: new ApiError('outcome_unknown', '') });
    });
    const [request, ...more] = ['request', 'continued'].flatMap((one) => messagesOf(lines, one));
    expect(more).toHaveLength(2);
    const who = { requestId: 'r-1', operation: 'get-secret', issuer: 'github', tenant: 'acme' };
    const end = { rule: 2, subject: 'alice', outcome: 'failed', code: 'outcome_unknown' };
    for (const line of more) expect(line).toMatchObject({ ...who, ...end, status: 503 });
    const listed = (field: string) => [request, ...more].map((line) => line?.[field] ?? []);
    expect(listed('read').map((list) => (list as []).length)).toEqual([96, 96, 8]);
    expect(listed('read').flat()).toEqual(names.map((name) => `${name}@1`));
    expect(listed('pinned')).toEqual(listed('read'));
    expect(listed('kmsRequestIds').flat()).toEqual(ids);
    expect(listed('wrote').flat()).toHaveLength(96);
    expect(more[1]).not.toHaveProperty('wrote');
  });

  it('marks the versions that were requested by number or as past ones; a version without a mark was current', () => {
    type Call = 'opened' | 'compared' | 'copied';
    const line = (...calls: readonly (readonly [Call, string, Selection])[]) =>
      linesOf((journal) => {
        for (const [call, name, selection] of calls) journal[call]({ name, version: 1 }, selection);
        void journal.close(closing);
      }).at(-1);
    const all = line(
      ['opened', 'A', 'current'],
      ['opened', 'B', 'number'],
      ['compared', 'C', 'current'],
      ['compared', 'D', 'past'],
      ['opened', 'E', 'number'],
      ['opened', 'E', 'current'],
      ['opened', 'F', 'current'],
      ['opened', 'F', 'number'],
      ['copied', 'G', 'number'],
      ['copied', 'H', 'current'],
    );
    expect(all).toMatchObject({
      read: ['A@1', 'B@1', 'E@1', 'F@1'],
      compared: ['C@1', 'D@1'],
      copied: ['G@1', 'H@1'],
      pinned: ['B@1', 'G@1'],
      past: ['D@1'],
    });
    expect(line(['compared', 'A', 'current'])).toMatchObject({ compared: ['A@1'], pinned: [] });
    expect(line(['copied', 'A', 'current'])).toMatchObject({ copied: ['A@1'], pinned: [] });
    const written = linesOf((journal) => {
      journal.decided('created', { name: 'A', version: 1 });
      void journal.close(closing);
    }).at(-1);
    for (const field of ['pinned', 'past', 'compared']) expect(written).not.toHaveProperty(field);
  });

  it.each([
    ['the request id of the gateway, as its other lines have', 'g-1'],
    ['no request id of a gateway if none gave it one', undefined],
  ])('has %s', (_, id) => {
    const journal = openIn(log, id);
    journal.decided('destroyed', { name: 'A', version: 1 });
    for (let version = 1; version < 98; version += 1)
      journal.opened({ name: 'A', version }, 'current');
    void journal.close(closing);
    const told = log.lines().map(({ message, gatewayRequestId }) => [message, gatewayRequestId]);
    expect(told).toEqual(['decision', 'request', 'continued'].map((message) => [message, id]));
  });

  it('contains nothing that identifies an unknown caller', () => {
    const line = lineOf({ principal: undefined, status: 401 });
    for (const field of ['issuer', 'rule', 'tenant', 'subject']) {
      expect(line).not.toHaveProperty(field);
    }
  });

  it('names no rule if the caller comes from the claims of the token', () => {
    const line = lineOf({ principal: { ...principal, rule: undefined } });
    expect(line).toMatchObject({ issuer: 'github', tenant: 'acme' });
    expect(line).not.toHaveProperty('rule');
  });

  it.each<[number, ErrorCode | undefined, object]>([
    [404, 'not_found', { level: 'INFO', outcome: 'refused' }],
    [500, 'internal', { level: 'ERROR', outcome: 'failed' }],
    [503, 'store_unavailable', { level: 'ERROR', outcome: 'failed' }],
    [503, undefined, { level: 'ERROR', outcome: 'failed' }],
  ])('shows the status %s and the code %s with %j', (status, code, expected) => {
    const error = code && new ApiError(code, '');
    expect(lineOfFailure(error, status)).toMatchObject({
      ...expected,
      status,
      ...(code && { code }),
    });
  });

  it('counts only what happened in its own request', () => {
    const first = log.openJournal('get-secret', 'r-0', undefined);
    first.called('kms', 'Decrypt');
    first.attempted();
    first.decided('lost_race');
    const line = lineOf({});
    expect(line).toMatchObject({ storeCalls: 0, kmsCalls: 0, units: 0, attempts: 0 });
    expect(line).not.toHaveProperty('decisions');
  });
});

describe('a decision in the log', () => {
  const levels: Readonly<Record<Decision, 'WARN' | 'INFO' | 'none'>> = {
    ...{ key_fault: 'WARN', integrity_failure: 'WARN', outcome_unknown: 'WARN' },
    ...{ clock_skew: 'WARN', table_replicated: 'WARN', destroyed: 'INFO' },
    ...{ created: 'none', version_written: 'none', deleted: 'none', refused_exists: 'none' },
    ...{ lost_race: 'none', try_failed: 'none', replayed: 'none', idempotency_key_reused: 'none' },
  };
  const all = Object.entries(levels) as readonly (readonly [Decision, string])[];
  const about = (version: number) => ({ name: 'A', version });

  it.each(all.filter(([, level]) => level !== 'none'))(
    '%s is logged at once, at level %s',
    (decision, level) => {
      const lines = linesOf((journal) => journal.decided(decision, about(2)));
      expect(lines).toHaveLength(1);
      expect(lines[0]).toMatchObject({
        ...{ level, message: 'decision', requestId: 'r-1', operation: 'get-secret' },
        ...{ decision, secret: 'A', version: 2 },
      });
    },
  );

  it.each(all)(
    '%s is also counted in the line of its request, besides its own lines at level %s',
    (decision, level) => {
      const lines = linesOf((journal) => {
        for (const version of [2, 3]) journal.decided(decision, about(version));
        void journal.close(closing);
      });
      expect(messagesOf(lines, 'request')).toMatchObject([{ decisions: { [decision]: 2 } }]);
      expect(messagesOf(lines, 'decision')).toHaveLength(level === 'none' ? 0 : 2);
    },
  );

  it.each([
    ['not logged before', false],
    ['logged before', true],
  ])('appears once for the integrity failure of a request, if it was %s', (_, isReported) => {
    const lines = linesOf((journal) => {
      journal.concerns({ name: 'A' });
      if (isReported) journal.decided('integrity_failure', { name: 'A' });
      void journal.close({ ...closing, status: 500, error: new ApiError('integrity_failure', '') });
    });
    expect(messagesOf(lines, 'decision')).toMatchObject([
      { level: 'WARN', decision: 'integrity_failure', secret: 'A' },
    ]);
  });

  it('has no secret and no version if it is not about a secret, as for a fault of the key', () => {
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
    expectNoCanary();
  });

  it.each(faults)("omits the message of an error's cause: %#", (cause) => {
    for (const code of ['internal', 'store_unavailable', 'invalid_request'] as ErrorCode[]) {
      const error = new ApiError(code, canary, { properties: { field: canary }, cause });
      expect(lineOfFailure(error)).toMatchObject({ cause: cause.name });
      expectNoCanary();
    }
  });

  it.each([canary, { [canary]: canary }, [canary], null])(
    'omits a thrown value that is not an error: %j',
    (error) => {
      expect(lineOfFailure(error)).toMatchObject({ code: 'internal', status: 500 });
      expectNoCanary();
    },
  );

  it('shows neither scopes nor names of the caller', () => {
    linesOf((journal) => journal.close(closing));
    expectNoCanary();
  });
});

describe('the stack frames in the log', () => {
  it('appear for a bug, so that it can be found', () => {
    const { frames } = lineOfFailure(new TypeError('x'));
    expect(frames).toContainEqual(expect.stringMatching(/^at .*journal\.test\.ts:\d+:\d+/));
  });

  it('appear for a bug with a cause', () => {
    const line = lineOfFailure(new ApiError('internal', '', { cause: new TypeError('x') }));
    expect(line['frames']).toContainEqual(expect.stringContaining('journal.test.ts'));
  });

  it('are left out for faults outside the vault', () => {
    const cause = new TypeError('x');
    const line = lineOfFailure(new ApiError('store_unavailable', '', { cause }), 503);
    expect(line).toMatchObject({ cause: 'TypeError' });
    expect(line).not.toHaveProperty('frames');
  });
});

describe('a log line on Lambda', () => {
  const onLambda = (work: (journal: RequestJournal) => void): readonly Line[] => {
    const lambda = createKeptLog({ metricsOf });
    work(openIn(lambda));
    return lambda.lines();
  };
  const directive = (dimension: string, metrics: Readonly<Record<string, string>>) => ({
    Timestamp: expect.any(Number),
    CloudWatchMetrics: [
      {
        Namespace: 'SecretsVault',
        Dimensions: [['service', dimension]],
        Metrics: Object.entries(metrics).map(([Name, Unit]) => ({ Name, Unit })),
      },
    ],
  });

  it('of a request also holds its metrics, by operation', () => {
    const lines = onLambda((journal) => {
      journal.decided('lost_race');
      journal.decided('lost_race');
      void journal.close({ ...closing, status: 503, error: undefined });
    });
    const metrics = { Duration: 'Milliseconds', Faults: 'Count', LostRaces: 'Count' };
    expect(lines).toEqual([
      expect.objectContaining({
        ...{ message: 'request', requestId: 'r-1', service: 'vault', operation: 'get-secret' },
        ...{ ms: 12.3, Duration: 12.3, Faults: 1, LostRaces: 2 },
        _aws: directive('operation', metrics),
      }),
    ]);
  });

  it.each([0, 12.345])(
    'omits metrics that are 0, except for the duration (of %s ms)',
    (elapsedMs) => {
      const [line] = onLambda((journal) => journal.close({ ...closing, status: 404, elapsedMs }));
      expect(line).toMatchObject({
        Duration: Math.round(elapsedMs * 10) / 10,
        _aws: directive('operation', { Duration: 'Milliseconds' }),
      });
      for (const field of ['Faults', 'LostRaces', 'Warnings'])
        expect(line).not.toHaveProperty(field);
    },
  );

  it('of an alarm also holds a metric of one warning, by decision', () => {
    const lines = onLambda((journal) => {
      journal.decided('clock_skew', { name: 'A', version: 1 });
      journal.decided('clock_skew', { name: 'B', version: 1 });
    });
    const document = {
      ...{ level: 'WARN', service: 'vault', decision: 'clock_skew', Warnings: 1 },
      _aws: directive('decision', { Warnings: 'Count' }),
    };
    expect(lines).toMatchObject([
      { ...document, secret: 'A' },
      { ...document, secret: 'B' },
    ]);
  });

  it('of a destruction has no metrics', () => {
    const [line] = onLambda((journal) => journal.decided('destroyed', { name: 'A', version: 1 }));
    expect(line).not.toHaveProperty('_aws');
  });

  it('has its lists at the end, because CloudWatch indexes only the first 200 fields and entries', () => {
    const [line] = onLambda((journal) => {
      journal.opened({ name: 'A', version: 1 }, 'current');
      journal.decided('created', { name: 'B', version: 1 });
      journal.answered('k-1');
      void journal.close(closing);
    });
    expect(Object.keys(line ?? {}).slice(-4)).toEqual(['read', 'wrote', 'kmsRequestIds', 'pinned']);
  });
});

describe('the measures of a request', () => {
  it('go to whoever observes the log, with all digits of the time and without names', () => {
    const observed: Measures[] = [];
    const { openJournal } = createKeptLog({ observe: (measures) => void observed.push(measures) });
    const journal = openJournal('update-secret', 'r-1', undefined);
    journal.called('store', 'GetItem', 1);
    journal.called('store', 'TransactWriteItems', 4);
    journal.called('kms', 'GenerateDataKey');
    journal.decided('lost_race', { name: canary });
    journal.decided('lost_race', { name: canary });
    expect(observed).toEqual([]);
    void journal.close({ ...closing, status: 412 });
    expect(observed).toEqual([
      {
        ...{ operation: 'update-secret', status: 412, elapsedMs: 12.345 },
        ...{ calls: { store: 2, kms: 1 }, decisions: new Map([['lost_race', 2]]) },
      },
    ]);
  });
});
