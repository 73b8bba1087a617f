/**
 * Converts between files and the editor's text. A browser's text field cannot hold carriage
 * returns, so the line endings are kept separately.
 */
import { limits } from '../../../../functions/model/limits.ts';

export type Eol = '\n' | '\r\n';
export type EditorFile = { readonly text: string; readonly eol: Eol; readonly note?: string };

/** Returns the text of a file, or the reason why it cannot be opened. */
export const readEditorFile = (bytes: Uint8Array): EditorFile | { readonly refusal: string } => {
  if (bytes.length > limits.fileBytesMax) {
    const most = limits.fileBytesMax.toLocaleString('en');
    return { refusal: `The file is too large: a .env file has at most ${most} bytes.` };
  }
  try {
    return textOf(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch {
    return { refusal: 'The file is not UTF-8 text.' };
  }
};

const textOf = (content: string): EditorFile => {
  const text = content.replace(/\r\n?/g, '\n');
  if (!content.includes('\r')) return { text, eol: '\n' };
  if (contentOf(text, '\r\n') === content) return { text, eol: '\r\n' };
  const note = 'The file mixes line endings. The editor has changed all of them to LF.';
  return { text, eol: '\n', note };
};

/** Returns the file's content for a text of the editor. */
export const contentOf = (text: string, eol: Eol): string => text.replaceAll('\n', eol);
