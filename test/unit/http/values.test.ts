import { randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { decodeValue, requireName } from '../../../functions/http/bodies.ts';
import { encodeValue } from '../../../functions/http/responses.ts';
import { fieldOf, refusalOf } from '../../support/refusals.ts';

describe('decodeValue', () => {
  it.each(['', 'hunter2', 'né 🔑', '\uFEFFhunter2', 'a\u0000b', ' a\r\n', 'aGk=', 'e\u0301'])(
    'returns the UTF-8 bytes of %j',
    (value) => {
      for (const sent of [{ value }, { value, encoding: 'utf8' as const }]) {
        expect(Buffer.compare(decodeValue(sent), Buffer.from(value))).toBe(0);
      }
    },
  );

  it.each([
    ['', []],
    ['/w==', [0xff]],
    ['AAA=', [0, 0]],
    ['+/+/', [0xfb, 0xff, 0xbf]],
  ])('returns the bytes of the base64 text %j', (value, expected) => {
    expect([...decodeValue({ value, encoding: 'base64' })]).toEqual(expected);
  });

  it.each([
    // Padding that is missing, too short, too long, alone, or not at the end.
    ...['/w', '/w=', 'AAAA==', '====', '/w==AAAA'],
    // Unused bits that are not zero, extra letters, or letters of another alphabet.
    ...['/x==', 'AAAAA', '_w==', 'AAAA\nAAAA', ' /w==', 'hunter2!'],
  ])('rejects %j as base64', async (value) => {
    const decode = () => decodeValue({ value, encoding: 'base64' });
    expect(await fieldOf(decode)).toBe('invalid_request value');
  });

  it('rejects a note that contains a value of at least 8 bytes, whether the value was sent as text or as base64', async () => {
    const note = 'the password is hunter22!';
    for (const sent of [
      { value: 'hunter22' },
      { value: Buffer.from('hunter22').toString('base64'), encoding: 'base64' as const },
    ]) {
      expect(await fieldOf(() => decodeValue({ ...sent, note }))).toBe('invalid_request note');
    }
    expect(decodeValue({ value: 'hunter2', note })).toHaveLength(7);
    expect(decodeValue({ value: 'hunter222', note })).toHaveLength(9);
  });

  it('accepts at most 65,536 bytes', async () => {
    const most = Buffer.alloc(65_536, 'a');
    expect(decodeValue({ value: most.toString() })).toHaveLength(65_536);
    const inBase64 = { value: most.toString('base64'), encoding: 'base64' } as const;
    expect(decodeValue(inBase64)).toHaveLength(65_536);
    const beyond = [
      { value: `${most}a` },
      { value: `${'é'.repeat(32_768)}a` },
      { value: Buffer.alloc(65_537).toString('base64'), encoding: 'base64' as const },
    ];
    for (const sent of beyond) {
      const { code, properties } = await refusalOf(() => decodeValue(sent));
      expect([code, properties]).toEqual(['too_large', { limit: 65_536 }]);
    }
  });
});

describe('encodeValue', () => {
  it.each(['', 'hunter2', 'né 🔑', '\uFEFFhunter2', '\uFEFF', 'a\u0000b'])(
    'returns valid UTF-8 as text: %j',
    (text) => {
      expect(encodeValue(Buffer.from(text))).toEqual({ value: text, encoding: 'utf8' });
    },
  );

  it.each([[[0xff]], [[0x61, 0xc3]], [[0xed, 0xa0, 0x80]], [[0xc0, 0x80]]])(
    'returns bytes that are not valid UTF-8 as base64: %j',
    (content) => {
      const bytes = Buffer.from(content);
      expect(encodeValue(bytes)).toEqual({ value: bytes.toString('base64'), encoding: 'base64' });
    },
  );

  it('returns a value that decodeValue reads back', () => {
    for (const bytes of [randomBytes(1_000), Buffer.from('\uFEFFnéa\r\n')]) {
      expect(Buffer.compare(decodeValue(encodeValue(bytes)), bytes)).toBe(0);
    }
  });
});

describe('the name of a secret in a body', () => {
  it('is accepted if it is valid, and rejected if it contains a blank', async () => {
    expect(() => requireName('DB_PASSWORD')).not.toThrow();
    expect(await fieldOf(() => requireName('DB PASSWORD'))).toBe('invalid_request name');
  });
});
