import { describe, expect, it } from '@jest/globals';
import { anchorOf } from '../../../functions/crypto/fingerprint.ts';
import {
  problem,
  replayedHeader,
  reply,
  validity,
  written,
} from '../../../functions/http/responses.ts';
import { ApiError, type ErrorCode } from '../../../functions/model/errors.ts';
import type { StoredVersion } from '../../../functions/model/types.ts';
import { requestWith } from '../../support/events.ts';

const standing = {
  'X-Request-Id': 'r-1',
  'Cache-Control': 'no-store',
  'X-Content-Type-Options': 'nosniff',
};
const canary = 'c4n4ryS3cr3t';

/** The table of codes in docs/openapi.yaml: code, status, retryable. */
const table: readonly (readonly [ErrorCode, number, boolean])[] = [
  ['invalid_request', 400, false],
  ['unauthenticated', 401, false],
  ['forbidden', 403, false],
  ['not_found', 404, false],
  ['route_not_found', 404, false],
  ['method_not_allowed', 405, false],
  ['request_timeout', 408, true],
  ['secret_exists', 409, false],
  ['pin_mismatch', 409, false],
  ['version_conflict', 412, false],
  ['too_large', 413, false],
  ['unsupported_media_type', 415, false],
  ['idempotency_key_reused', 422, false],
  ['invalid_env', 422, false],
  ['throttled', 429, true],
  ['integrity_failure', 500, false],
  ['internal', 500, false],
  ['master_key_incorrect', 503, false],
  ['master_key_unavailable', 503, false],
  ['identity_unavailable', 503, true],
  ['store_unavailable', 503, true],
  ['outcome_unknown', 503, true],
];

const bodyOf = (error: unknown) => JSON.parse(problem(error, 'r-1').body);

describe('a problem reply', () => {
  it.each(table)(
    'has for the code %s the status %s, and is retryable: %s',
    (code, status, retryable) => {
      const { status: answered, headers, body } = problem(new ApiError(code, 'said so'), 'r-1');
      expect(answered).toBe(status);
      expect(headers).toMatchObject({ ...standing, 'Content-Type': 'application/problem+json' });
      expect(JSON.parse(body)).toMatchObject({
        type: `https://vault.invalid/problems/${code.split('_').join('-')}`,
        status,
        code,
        requestId: 'r-1',
        retryable,
      });
      expect(JSON.parse(body).title).not.toBe('');
    },
  );

  it('has the message and the properties of its error if the status is below 500', () => {
    const properties = { field: 'name', currentVersion: 3, limit: 1, errorsTotal: 0, errors: [] };
    expect(bodyOf(new ApiError('invalid_request', 'is no name', { properties }))).toMatchObject({
      detail: 'is no name',
      ...properties,
    });
  });

  it.each(table.filter(([, status]) => status >= 500))(
    'has only a fixed detail for the code %s',
    (code) => {
      const properties = { field: canary, errors: [], scope: canary };
      const cause = new Error(canary, { cause: canary });
      const error = new ApiError(code, canary, { properties, cause });
      expect(JSON.stringify(problem(error, 'r-1'))).not.toContain(canary);
      const told = bodyOf(error);
      expect(told.detail).toMatch(/\.$/);
      expect(told).toEqual(bodyOf(new ApiError(code, 'another message')));
      expect(Object.keys(told).sort()).toEqual(
        ['code', 'detail', 'requestId', 'retryable', 'status', 'title', 'type'].sort(),
      );
    },
  );

  it('contains nothing of its cause if the status is below 500', () => {
    const cause = new Error(canary);
    const { body, headers } = problem(new ApiError('not_found', 'no', { cause }), 'r-1');
    expect(JSON.stringify([body, headers])).not.toContain(canary);
  });

  it.each([new Error(canary), canary, { code: 'not_found' }, undefined, null])(
    'has the code internal for any error that is not an ApiError: %p',
    (error) => {
      expect(bodyOf(error)).toEqual(bodyOf(new ApiError('internal', '')));
      expect(problem(error, 'r-1').status).toBe(500);
    },
  );

  it('has the retryable flag of its error if the error sets one', () => {
    for (const code of ['master_key_unavailable', 'throttled'] as const) {
      for (const retryable of [true, false]) {
        expect(bodyOf(new ApiError(code, '', { retryable })).retryable).toBe(retryable);
      }
    }
  });

  /**
   * Returns the header `name` of the problem reply for `error`. `sent` are the headers of the
   * request.
   */
  const headerOf = (name: string, error: ApiError, sent: Record<string, string> = {}) =>
    problem(error, 'r-1', requestWith(sent)).headers?.[name];

  const invalidToken = 'Bearer error="invalid_token", error_description="said so"';
  const noScope = 'Bearer error="insufficient_scope", scope="secrets:write"';
  it.each<[string | undefined, string, ErrorCode, string | undefined, string | undefined]>([
    ['Bearer', 'no token', 'unauthenticated', undefined, undefined],
    ['Bearer', 'another scheme', 'unauthenticated', 'Basic abc', undefined],
    ['Bearer', 'a scheme with a similar name', 'unauthenticated', 'Bearers abc', undefined],
    [invalidToken, 'a refused token', 'unauthenticated', 'Bearer abc', undefined],
    [invalidToken, 'a refused token in another case', 'unauthenticated', 'bEARER abc', undefined],
    [invalidToken, 'an empty token', 'unauthenticated', 'Bearer', undefined],
    [noScope, 'a missing scope', 'forbidden', 'Bearer abc', 'secrets:write'],
    [undefined, 'a name that the token may not create', 'forbidden', 'Bearer abc', undefined],
    [undefined, 'a hidden name', 'not_found', 'Bearer abc', undefined],
    [undefined, 'a key set out of reach', 'identity_unavailable', 'Bearer abc', undefined],
  ])('has the WWW-Authenticate %s for %s', (challenge, _, code, authorization, scope) => {
    const error = new ApiError(code, 'said so', {
      properties: scope === undefined ? {} : { scope },
    });
    const sent = authorization === undefined ? {} : { Authorization: authorization };
    expect(headerOf('WWW-Authenticate', error, sent)).toBe(challenge);
  });

  const keyed = { 'idempotency-key': 'k'.repeat(16) };
  it.each(table)(
    'with the code %s (%s) has Retry-After if retryable (usually %s); for outcome_unknown only with an Idempotency-Key',
    (code, _, usual) => {
      for (const retryable of [usual, !usual]) {
        const error = new ApiError(code, '', { retryable });
        expect(headerOf('Retry-After', error, keyed)).toBe(retryable ? '1' : undefined);
        const isHarmless = code !== 'outcome_unknown';
        expect(headerOf('Retry-After', error)).toBe(retryable && isHarmless ? '1' : undefined);
      }
    },
  );
});

describe('a reply', () => {
  it('sends JSON with the standard headers', () => {
    expect(reply({ status: 201, body: { a: 'né' }, headers: { ETag: '"1"' } }, 'r-1')).toEqual({
      status: 201,
      headers: { ...standing, 'Content-Type': 'application/json', ETag: '"1"' },
      body: '{"a":"né"}',
    });
  });

  it('has no body if it says that nothing has changed', () => {
    const { status, body } = reply({ status: 304, body: undefined }, 'r-1');
    expect([status, body]).toEqual([304, '']);
  });

  it('sends text byte for byte', () => {
    expect(reply({ status: 200, text: '\uFEFFA=1\r\n' }, 'r-1')).toEqual({
      status: 200,
      headers: { ...standing, 'Content-Type': 'text/plain; charset=utf-8' },
      body: '\uFEFFA=1\r\n',
    });
  });

  it('shows the version that was written, and whether an earlier request wrote it', () => {
    const validFrom = '2026-11-24T14:30:48.123Z';
    const version = { name: 'A', version: 2, writeId: 'w', validFrom: Date.parse(validFrom) };
    const body = { name: 'A', version: 2, anchor: anchorOf(version), validFrom };
    const headers = { ETag: '"2"', Location: 'secrets/A' };
    expect(written(201, version, false, headers)).toEqual({ status: 201, body, headers });
    const repeated = { 'Idempotency-Replayed': 'true' };
    expect(written(200, version, true)).toEqual({ status: 200, body, headers: repeated });
    expect(replayedHeader(false)).toEqual({});
  });
});

describe('a version in a reply', () => {
  it('shows validFrom and validTo, and validTo is null while the version is current', () => {
    const version = { validFrom: 0, validTo: undefined } as StoredVersion;
    expect(validity(version)).toEqual({ validFrom: '1970-01-01T00:00:00.000Z', validTo: null });
    expect(validity({ ...version, validTo: 1 }).validTo).toBe('1970-01-01T00:00:00.001Z');
  });
});
