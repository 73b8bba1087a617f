import { describe, expect, it } from '@jest/globals';
import { afterOf, limitOf, nextCursorOf } from '../../../functions/http/pages.ts';
import { fingerprintOf, instantOf, versionOf } from '../../../functions/http/requests.ts';
import { isSecretName, isVersionNumber } from '../../../functions/model/types.ts';
import { requestOf } from '../../support/events.ts';
import { fieldOf } from '../../support/refusals.ts';
import { someone } from '../../support/requests.ts';

describe('Idempotency-Key', () => {
  const alice = someone({ tenant: 'acme' });
  const key = '0123456789abcdef';
  const read = (keys: string[], principal = alice, content = ['create-secret', 'A', 'v']) => {
    const sent = requestOf({ multiValueHeaders: { 'Idempotency-Key': keys } });
    return fingerprintOf({ ...sent, principal }, content);
  };

  it('leads to no fingerprint if the header is absent', () => {
    expect(read([])).toBeUndefined();
  });

  it.each([
    ['has 16 characters', key],
    ['has 128 characters', '~'.repeat(128)],
    ['is a UUID', '3f0c1b0e-5d0b-4a39-9a54-0d6e8f0e2c11'],
    ['has punctuation only', '!"#$%&\'()*+,-./:'],
  ])('is accepted if it %s', (_, accepted) => {
    expect(read([accepted])?.keyHash).toMatch(/^[A-Za-z0-9_-]{43}$/);
    expect(read([accepted])).toEqual(read([accepted]));
  });

  it('has another key hash for another caller, and another content hash for other content', () => {
    const mine = read([key]);
    expect(read([key], someone({ tenant: 'acme', subject: 'bob' }))?.keyHash).not.toBe(
      mine?.keyHash,
    );
    const other = read([key], alice, ['create-secret', 'A', 'w']);
    expect(other?.keyHash).toBe(mine?.keyHash);
    expect(other?.contentHash).not.toEqual(mine?.contentHash);
  });

  it.each<[string, string[]]>([
    ['is empty', ['']],
    ['has 15 characters', ['0123456789abcde']],
    ['has 129 characters', ['x'.repeat(129)]],
    ['consists of 20,000 blanks', [' '.repeat(20_000)]],
    ['contains a blank', ['0123456789 abcdef']],
    ['ends in a line feed', [`${key}\n`]],
    ['contains a letter that is not ASCII', ['0123456789abcdé0']],
    ['contains DEL', [`${key}\u007f`]],
    ['is sent twice', [key, key]],
  ])('is rejected if it %s', async (_, keys) => {
    expect(await fieldOf(() => read(keys))).toBe('invalid_request idempotency-key');
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

  it.each([
    ...['', '0', '00', '01', '-1', '+1', '1.0', '1e3', '0x1', ' 1', '1\n', '٣'],
    ...['1000000000', '1000000000000000000'],
  ])('rejects %j', async (text) => {
    expect(await fieldOf(() => versionOf(text))).toBe('invalid_request version');
    expect(isVersionNumber(text)).toBe(false);
  });
});

describe('instantOf', () => {
  const now = Date.parse('2026-11-24T14:30:00.000Z');

  it.each([
    ...['2026-11-24T14:30:00Z', '2026-11-24T14:30:00.5Z', '1970-01-01T00:00:00Z'],
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

  const refused = ['', '0', '101', '-1', '01', '1.5', '1e1', ' 1', '99999'];
  it.each([
    ...refused.map((text) => [JSON.stringify(text), text] as const),
    ['20,000 digits', '1'.repeat(20_000)],
  ])('rejects %s', async (_, text) => {
    const read = () => limitOf(new Map([['limit', text]]), 100, 50);
    expect(await fieldOf(read)).toBe('invalid_request limit');
  });
});

describe('reading a cursor', () => {
  const positionIn = (cursor: string | null, check: (position: string) => boolean) =>
    afterOf(new Map([['cursor', cursor ?? '']]), check);

  it('returns the name or version that was encoded', () => {
    expect(positionIn(nextCursorOf('DB_PASSWORD'), isSecretName)).toBe('DB_PASSWORD');
    expect(positionIn(nextCursorOf(42), isVersionNumber)).toBe('42');
    expect(nextCursorOf('DB_PASSWORD')).toMatch(/^[A-Za-z0-9_-]+$/);
  });

  it.each<[string, string | null, ((position: string) => boolean)?]>([
    ['an empty text', ''],
    ['padding', 'QUI='],
    ['base64url with unused bits that are not zero', 'QUJ'],
    ['base64 instead of base64url', Buffer.from('A??>').toString('base64')],
    ['a blank', 'QU I'],
    ['a character outside base64', 'QU*I'],
    ['bytes that are not UTF-8', Buffer.from([0xff, 0xfe]).toString('base64url')],
    ['something that is not a name', nextCursorOf('no name')],
    ['a table key of another tenant', nextCursorOf('TENANT#b#SECRET#A')],
    ['a cursor of 20 kB', 'QUFB'.repeat(5_000)],
    ['a name in the cursor of a list of versions', nextCursorOf('DB_PASSWORD'), isVersionNumber],
    ['an empty text, even if any position is allowed', '', () => true],
  ])('rejects %s', async (_, text, check = isSecretName) => {
    expect(await fieldOf(() => positionIn(text, check))).toBe('invalid_request cursor');
  });
});
