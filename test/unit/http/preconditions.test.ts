import { describe, expect, it } from '@jest/globals';
import { afterOf, limitOf, nextCursorOf } from '../../../functions/http/pages.ts';
import {
  fingerprintOf,
  type HttpRequest,
  instantOf,
  versionOf,
} from '../../../functions/http/requests.ts';
import { isSecretName, isVersionNumber, type Principal } from '../../../functions/model/types.ts';
import { requestOf, requestWith } from '../../support/events.ts';
import { refusalOf } from '../../support/refusals.ts';
import { someone } from '../../support/requests.ts';

const fieldOf = async (call: () => unknown): Promise<string> => {
  const { code, members } = await refusalOf(call);
  return `${code} ${members.field}`;
};

describe('Idempotency-Key', () => {
  const fingerprintFrom = (sent: HttpRequest, principal: Principal, content: string[]) =>
    fingerprintOf({ ...sent, principal }, content);
  const alice = someone({ tenant: 'acme' });
  const read = (value: string) =>
    fingerprintFrom(requestWith({ 'Idempotency-Key': value }), alice, ['create-secret', 'A', 'v']);

  it('gives no fingerprint if the header is absent', () => {
    expect(fingerprintFrom(requestOf(), alice, ['create-secret'])).toBeUndefined();
  });

  it.each([
    '0123456789abcdef',
    '~'.repeat(128),
    '3f0c1b0e-5d0b-4a39-9a54-0d6e8f0e2c11',
    '!"#$%&\'()*+,-./:',
  ])('accepts %s', (key) => {
    expect(read(key)?.hash).toMatch(/^[A-Za-z0-9_-]{43}$/);
    expect(read(key)).toEqual(read(key));
  });

  it('gives each caller another hash and each content another digest', () => {
    const key = '0123456789abcdef';
    const event = requestWith({ 'Idempotency-Key': key });
    const content = ['create-secret', 'A', 'v'];
    const [mine, others] = [alice, someone({ tenant: 'acme', subject: 'bob' })].map((caller) =>
      fingerprintFrom(event, caller, content),
    );
    expect(mine).toEqual(read(key));
    expect(others?.hash).not.toBe(mine?.hash);
    const other = fingerprintFrom(event, alice, ['create-secret', 'A', 'w']);
    expect(other?.hash).toBe(mine?.hash);
    expect(other?.digest).not.toEqual(mine?.digest);
  });

  it.each([
    '',
    '0123456789abcde',
    'x'.repeat(129),
    '0123456789 abcdef',
    '0123456789abcdef\n',
    '0123456789abcdé0',
    '0123456789abcdef\u007f',
    `${' '.repeat(20_000)}`,
  ])('rejects %j', async (key) => {
    expect(await fieldOf(() => read(key))).toBe('invalid_request idempotency-key');
  });

  it('rejects a repeated header', async () => {
    const keys = ['0123456789abcdef', '0123456789abcdef'];
    const event = requestOf({ multiValueHeaders: { 'idempotency-key': keys } });
    expect(await fieldOf(() => fingerprintFrom(event, alice, []))).toBe(
      'invalid_request idempotency-key',
    );
  });
});

describe('versionOf', () => {
  it.each([
    ['1', 1],
    ['10', 10],
    ['999999999', 999_999_999],
  ])('reads %s', (text, version) => {
    expect(versionOf(text)).toBe(version);
    expect(isVersionNumber(text)).toBe(true);
  });

  it.each(['', '0', '00', '01', '-1', '+1', '1.0', '1e3', '0x1', ' 1', '1\n', '1000000000', '٣'])(
    'rejects %j',
    async (text) => {
      expect(await fieldOf(() => versionOf(text))).toBe('invalid_request version');
      expect(isVersionNumber(text)).toBe(false);
    },
  );

  it('rejects 10^18 and 20 kB of digits', async () => {
    for (const text of [String(10n ** 18n), '1'.repeat(20_000)]) {
      expect(await fieldOf(() => versionOf(text))).toBe('invalid_request version');
    }
  });
});

describe('instantOf', () => {
  const now = Date.parse('2026-11-24T14:30:00.000Z');

  it.each([
    '2026-11-24T14:30:00Z',
    '2026-11-24T14:30:00.5Z',
    '1970-01-01T00:00:00Z',
    '2026-11-24T14:40:00.000Z',
  ])('accepts %s', (text) => {
    expect(instantOf(text, now)).toBe(Date.parse(text));
  });

  it.each([
    ['an instant more than ten minutes ahead', '2026-11-24T14:40:00.001Z'],
    ['four fraction digits', '2026-11-24T14:30:00.0000Z'],
    ['an offset', '2026-11-24T14:30:00+00:00'],
    ['30 February', '2026-02-30T00:00:00Z'],
    ['a leap second', '2016-12-31T23:59:60Z'],
    ['a date alone', '2026-11-24'],
    ['an empty text', ''],
    ['digits without end', '1'.repeat(20_000)],
  ])('rejects %s', async (_, text) => {
    expect(await fieldOf(() => instantOf(text, now))).toBe('invalid_request at');
  });
});

describe('limitOf', () => {
  it('returns the default if no limit is given', () => {
    expect(limitOf(new Map(), 100, 50)).toBe(50);
  });

  it.each([
    ['1', 1],
    ['100', 100],
  ])('accepts %s', (text, expected) => {
    expect(limitOf(new Map([['limit', text]]), 100, 50)).toBe(expected);
  });

  it.each(['', '0', '101', '-1', '01', '1.5', '1e1', ' 1', '99999', '1'.repeat(20_000)])(
    'rejects %j',
    async (text) => {
      expect(await fieldOf(() => limitOf(new Map([['limit', text]]), 100, 50))).toBe(
        'invalid_request limit',
      );
    },
  );
});

describe('a cursor', () => {
  const positionIn = (cursor: string | null, check: (position: string) => boolean) =>
    afterOf(new Map([['cursor', cursor ?? '']]), check);

  it('returns the name or version that was encoded', () => {
    expect(positionIn(nextCursorOf('DB_PASSWORD'), isSecretName)).toBe('DB_PASSWORD');
    expect(positionIn(nextCursorOf(42), isVersionNumber)).toBe('42');
    expect(nextCursorOf('DB_PASSWORD')).toMatch(/^[A-Za-z0-9_-]+$/);
  });

  it.each([
    ['an empty text', ''],
    ['padding', 'QUI='],
    ['bits left over', 'QUJ'],
    ['the other alphabet', Buffer.from('A??>').toString('base64')],
    ['a blank', 'QU I'],
    ['a character outside base64', 'QU*I'],
    ['bytes that are no text', Buffer.from([0xff, 0xfe]).toString('base64url')],
    ['no name', nextCursorOf('no name')],
    ['another tenant spelled out', nextCursorOf('TENANT#b#SECRET#A')],
    ['20 kB', 'QUFB'.repeat(5_000)],
  ])('rejects %s', async (_, text) => {
    expect(await fieldOf(() => positionIn(text, isSecretName))).toBe('invalid_request cursor');
  });

  it('rejects an empty cursor for every kind of list', async () => {
    expect(await fieldOf(() => positionIn('', () => true))).toBe('invalid_request cursor');
  });

  it('rejects a cursor of the other list', async () => {
    const cursor = nextCursorOf('DB_PASSWORD');
    expect(await fieldOf(() => positionIn(cursor, isVersionNumber))).toBe('invalid_request cursor');
  });
});
