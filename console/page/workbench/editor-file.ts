/**
 * Files as they are opened. A text field of a browser holds no carriage return, so line ends are kept beside
 * the text.
 */
import { limits } from '../../../functions/model/limits.ts';

export type Eol = '\n' | '\r\n';
export type EditorFile = { readonly text: string; readonly eol: Eol; readonly note?: string };

/** The text of a file, or the reason why it cannot be opened. */
export const readEditorFile = (bytes: Uint8Array): EditorFile | { readonly refusal: string } => {
  if (bytes.length > limits.fileBytesMax) {
    const most = limits.fileBytesMax.toLocaleString('en');
    return { refusal: `The file is too large: a .env file has at most ${most} bytes.` };
  }
  try {
    return textOf(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch {
    return { refusal: 'The file is no text in UTF-8.' };
  }
};

const textOf = (content: string): EditorFile => {
  const text = content.replace(/\r\n?/g, '\n');
  if (!content.includes('\r')) return { text, eol: '\n' };
  if (contentOf(text, '\r\n') === content) return { text, eol: '\r\n' };
  const note = 'The file mixes line ends. The editor has made each of them a line feed.';
  return { text, eol: '\n', note };
};

/** The file that a text of the editor stands for. */
export const contentOf = (text: string, eol: Eol): string => text.replaceAll('\n', eol);
