import { describe, expect, it } from '@jest/globals';
import {
  decodeCursor,
  encodeCursor,
  fingerprintOf,
  instantOf,
  isVersionNumber,
  limitOf,
  versionOf,
} from '../../../functions/http/preconditions.ts';
import { isSecretName } from '../../../functions/model/types.ts';
import { eventOf, eventWith } from '../../support/events.ts';
import { refusalOf } from '../../support/refusals.ts';
import { someone } from '../../support/requests.ts';

const fieldOf = async (call: () => unknown): Promise<string> => {
  const { code, members } = await refusalOf(call);
  return `${code} ${members.field}`;
};

describe('Idempotency-Key', () => {
  const alice = someone({ tenant: 'acme' });
  const read = (value: string) =>
    fingerprintOf(eventWith({ 'Idempotency-Key': value }), alice, ['create-secret', 'A', 'v']);

  it('gives no fingerprint if the header is absent', () => {
    expect(fingerprintOf(eventOf(), alice, ['create-secret'])).toBeUndefined();
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
    const event = eventWith({ 'Idempotency-Key': key });
    const content = ['create-secret', 'A', 'v'];
    const [mine, others] = [alice, someone({ tenant: 'acme', subject: 'bob' })].map((caller) =>
      fingerprintOf(event, caller, content),
    );
    expect(mine).toEqual(read(key));
    expect(others?.hash).not.toBe(mine?.hash);
    const other = fingerprintOf(event, alice, ['create-secret', 'A', 'w']);
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
    const event = eventOf({ multiValueHeaders: { 'idempotency-key': keys } });
    expect(await fieldOf(() => fingerprintOf(event, alice, []))).toBe(
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
    expect(limitOf(undefined, 100, 50)).toBe(50);
  });

  it.each([
    ['1', 1],
    ['100', 100],
  ])('accepts %s', (text, expected) => {
    expect(limitOf(text, 100, 50)).toBe(expected);
  });

  it.each(['', '0', '101', '-1', '01', '1.5', '1e1', ' 1', '99999', '1'.repeat(20_000)])(
    'rejects %j',
    async (text) => {
      expect(await fieldOf(() => limitOf(text, 100, 50))).toBe('invalid_request limit');
    },
  );
});

describe('decodeCursor', () => {
  it('returns the name or version that was encoded', () => {
    expect(decodeCursor(encodeCursor('DB_PASSWORD'), isSecretName)).toBe('DB_PASSWORD');
    expect(decodeCursor(encodeCursor(42), isVersionNumber)).toBe('42');
    expect(encodeCursor('DB_PASSWORD')).toMatch(/^[A-Za-z0-9_-]+$/);
  });

  it.each([
    ['an empty text', ''],
    ['padding', 'QUI='],
    ['bits left over', 'QUJ'],
    ['the other alphabet', Buffer.from('A??>').toString('base64')],
    ['a blank', 'QU I'],
    ['a character outside base64', 'QU*I'],
    ['bytes that are no text', Buffer.from([0xff, 0xfe]).toString('base64url')],
    ['no name', encodeCursor('no name')],
    ['another tenant spelled out', encodeCursor('TENANT#b#SECRET#A')],
    ['20 kB', 'QUFB'.repeat(5_000)],
  ])('rejects %s', async (_, text) => {
    expect(await fieldOf(() => decodeCursor(text, isSecretName))).toBe('invalid_request cursor');
  });

  it('rejects an empty cursor for every kind of list', async () => {
    expect(await fieldOf(() => decodeCursor('', () => true))).toBe('invalid_request cursor');
  });

  it('rejects a cursor of the other list', async () => {
    const cursor = encodeCursor('DB_PASSWORD');
    expect(await fieldOf(() => decodeCursor(cursor, isVersionNumber))).toBe(
      'invalid_request cursor',
    );
  });
});
