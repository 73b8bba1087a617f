import { describe, expect, it } from '@jest/globals';
import { contentOf, readEditorFile } from '../../../cli/console/page/workbench/editor-file.ts';

const bytes = (text: string) => new TextEncoder().encode(text);

describe('an opened file', () => {
  it.each([
    ['line feeds', 'A=1\nB=2\n', '\n'],
    ['CRLF', 'A=1\r\nB="x\r\ny"\r\n', '\r\n'],
    ['a byte order mark', '\uFEFFA=1\n', '\n'],
    ['no line end', 'A=1', '\n'],
  ])('with %s keeps its bytes until it is sent', (_, content, eol) => {
    const opened = readEditorFile(bytes(content));
    expect(opened).toMatchObject({ text: content.replaceAll('\r', ''), eol });
    expect('text' in opened && contentOf(opened.text, opened.eol)).toBe(content);
    expect(opened).not.toHaveProperty('note');
  });

  it.each(['A=1\r\nB=2\n', 'A=1\rB=2', 'A="x\ry"\r\n'])(
    'gets line feeds instead of mixed line ends, with a note: %j',
    (content) => {
      expect(readEditorFile(bytes(content))).toMatchObject({
        text: content.replace(/\r\n?/g, '\n'),
        eol: '\n',
        note: expect.stringContaining('mixes line endings'),
      });
    },
  );

  it('is rejected if it is not UTF-8 text, or larger than 256 KiB', () => {
    expect(readEditorFile(Uint8Array.of(0x41, 0xff))).toEqual({
      refusal: 'The file is not UTF-8 text.',
    });
    expect(readEditorFile(bytes('x'.repeat(262_145)))).toHaveProperty('refusal');
    expect(readEditorFile(bytes('x'.repeat(262_144)))).toHaveProperty('text');
  });
});
