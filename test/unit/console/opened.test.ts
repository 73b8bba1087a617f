import { describe, expect, it } from '@jest/globals';
import { contentOf, openedFile } from '../../../console/page/workbench/opened.ts';

const bytes = (text: string) => new TextEncoder().encode(text);

describe('an opened file', () => {
  it.each([
    ['line feeds', 'A=1\nB=2\n', '\n'],
    ['CRLF', 'A=1\r\nB="x\r\ny"\r\n', '\r\n'],
    ['a byte order mark', '\uFEFFA=1\n', '\n'],
    ['no line end', 'A=1', '\n'],
  ])('with %s is sent as it was', (_, content, eol) => {
    const opened = openedFile(bytes(content));
    expect(opened).toMatchObject({ text: content.replaceAll('\r', ''), eol });
    expect('text' in opened && contentOf(opened.text, opened.eol)).toBe(content);
    expect(opened).not.toHaveProperty('note');
  });

  it.each(['A=1\r\nB=2\n', 'A=1\rB=2', 'A="x\ry"\r\n'])(
    'with mixed line ends %j is changed and says so',
    (content) => {
      expect(openedFile(bytes(content))).toMatchObject({
        text: content.replace(/\r\n?/g, '\n'),
        eol: '\n',
        note: expect.stringContaining('mixes line ends'),
      });
    },
  );

  it('is refused if it is no text in UTF-8, or too large', () => {
    expect(openedFile(Uint8Array.of(0x41, 0xff))).toEqual({
      refusal: 'The file is no text in UTF-8.',
    });
    expect(openedFile(bytes('x'.repeat(262_145)))).toHaveProperty('refusal');
    expect(openedFile(bytes('x'.repeat(262_144)))).toHaveProperty('text');
  });
});
