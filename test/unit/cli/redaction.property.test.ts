import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { startRedaction, textsToHide } from '../../../cli/run/redaction.ts';

/** Texts with few different letters, so that they overlap and share prefixes. */
const letters = (minLength: number, maxLength: number) =>
  fc.string({ unit: fc.constantFrom('a', 'b', '\n', 'é', '.'), minLength, maxLength });

const filtered = (texts: readonly string[], chunks: readonly Uint8Array[]): string => {
  const redaction = startRedaction(texts);
  const passed = [...chunks.map((chunk) => redaction.push(chunk)), redaction.end()];
  return Buffer.concat(passed).toString('latin1');
};

describe('the redaction of output', () => {
  it('does not depend on how the output is cut into chunks', () => {
    fc.assert(
      fc.property(
        fc.array(letters(1, 12), { maxLength: 4 }),
        letters(0, 80),
        fc.array(fc.nat(100), { maxLength: 8 }),
        (values, output, cuts) => {
          const texts = textsToHide(values);
          const bytes = Buffer.from(output);
          const places = [...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length];
          places.sort((a, b) => a - b);
          const chunks = places.map((place, at) => bytes.subarray(places[at - 1] ?? 0, place));
          expect(filtered(texts, chunks)).toBe(filtered(texts, [bytes]));
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it('hides exactly the bytes of the texts to hide, even if these overlap', () => {
    fc.assert(
      fc.property(fc.array(letters(1, 12), { maxLength: 4 }), letters(0, 80), (values, output) => {
        const texts = textsToHide(values);
        const bytes = Buffer.from(output).toString('latin1');
        const hidden = [...bytes].map((_, at) =>
          texts.some((text) => {
            const from = Math.max(0, at - text.length + 1);
            return bytes.slice(from, at + text.length).includes(text);
          }),
        );
        const marked = [...bytes].map((byte, at) =>
          hidden[at] ? (hidden[at - 1] ? '' : '[redacted]') : byte,
        );
        expect(filtered(texts, [Buffer.from(output)])).toBe(marked.join(''));
      }),
      { numRuns: 2_000 },
    );
    expect(filtered(textsToHide(['abab']), [Buffer.from('ababab')])).toBe('[redacted]');
  });

  it('shows what follows a hidden text, even if it could continue another text to hide', () => {
    const chunks = ['abaa', 'ba', 'c'].map((chunk) => Buffer.from(chunk));
    expect(filtered(['abaa'], chunks)).toBe('[redacted]bac');
    const inside = ['0123456789', '!'].map((chunk) => Buffer.from(chunk));
    expect(filtered(['0123456789', '6789-', '78'], inside)).toBe('[redacted]!');
  });

  it('holds back only what could be the beginning of a text to hide', () => {
    const redaction = startRedaction(textsToHide(['s3cret', 's3cret-and-more']));
    const passed = ['token: ', 's3c', 'ret', '-and', '!'].map((chunk) =>
      redaction.push(Buffer.from(chunk)).toString(),
    );
    expect(passed).toEqual(['token: ', '', '[redacted]', '', '-and!']);
  });

  it('hides values of at least four bytes as a whole, and their lines of at least eight bytes', () => {
    const texts = textsToHide(['two-two-two', 'abc']);
    const shown = filtered(texts, [Buffer.from('one two-two-two three abc')]);
    expect(shown).toBe('one [redacted] three abc');
    const lines = ['-----BEGIN', 'MIIEvQIBADAN', '-----END'];
    const printed = lines.map((line) => `> ${line}\n`).join('');
    const hidden = filtered(textsToHide([lines.join('\n')]), [Buffer.from(printed)]);
    expect(hidden).toBe('> [redacted]\n'.repeat(3));
    const oldMac = textsToHide(['long-line-1\rlong-line-2\r']);
    expect(filtered(oldMac, [Buffer.from('long-line-2')])).toBe('[redacted]');
  });

  it('also hides a value without its trailing line ends', () => {
    for (const end of ['\n', '\r\n', '\r', '\n\n']) {
      const texts = textsToHide([`a\nhunt${end}`]);
      expect(filtered(texts, [Buffer.from('a\nhunt, abc')])).toBe('[redacted], abc');
    }
  });
});
