import { describe, expect, it } from '@jest/globals';
import { isNote, tellsValue } from '../../../functions/model/types.ts';
import { bytes } from '../../support/requests.ts';

describe('a note', () => {
  it.each([
    ...[
      'n',
      'moved to billing, see #42',
      ' ',
      '\u00a0',
      'é 🔑',
      'e\u0301',
      '"\\<>',
      'n'.repeat(512),
    ],
    'é'.repeat(256),
    '😀'.repeat(128),
  ])('may be %j', (text) => {
    expect(isNote(text)).toBe(true);
  });

  it.each([
    '',
    'n'.repeat(513),
    // Fewer than 512 characters, but more than 512 bytes.
    'é'.repeat(257),
    '😀'.repeat(129),
    // Control characters, some of which a terminal would obey.
    ...['a\nb', 'a\r', '\t', 'a\u0000', '\u001b[2J', '\u007f', '\u009b'],
    // Line and paragraph separators, which some readers take for the end of a line.
    ...['a\u2028b', 'a\u2029b', '\u0085'],
    // Format characters, which hide text or change its direction.
    ...['a\u200bb', 'a\u202eb', '\ufeffa', 'a\u00adb', '\u{e0041}'],
    // Half of a surrogate pair, a private-use character, and unassigned characters.
    ...['\ud800', '\ue000', '\u{5fffd}', '\uffff'],
  ])('must not be %j', (text) => {
    expect(isNote(text)).toBe(false);
  });
});

describe('a note that reveals the value', () => {
  it('is recognised by the bytes of the value anywhere in it', () => {
    const value = bytes('hunter22');
    for (const note of ['hunter22', 'was hunter22 before', 'xhunter22']) {
      expect(tellsValue(note, value)).toBe(true);
    }
    for (const note of [undefined, 'hunter2', 'hunter 22', 'HUNTER22']) {
      expect(tellsValue(note, value)).toBe(false);
    }
  });

  it('is searched for the bytes of the value, even if they are not text', () => {
    expect(tellsValue('é'.repeat(8), bytes('éééé'))).toBe(true);
    expect(tellsValue('é'.repeat(8), new Uint8Array(8).fill(0xff))).toBe(false);
  });

  it('is not recognised for values shorter than eight bytes', () => {
    expect(tellsValue('seven77 in a note', bytes('seven77'))).toBe(false);
    expect(tellsValue('eight888 in a note', bytes('eight888'))).toBe(true);
    expect(tellsValue('anything', new Uint8Array(0))).toBe(false);
  });
});
