/**
 * Makes untrusted text safe for a terminal. Its author may want to control the terminal, or hide or
 * forge lines.
 */

/**
 * Control characters except line feed and tab, the line and paragraph separators, and format
 * characters, which can hide text or change its direction.
 */
const commanding = /[^\P{Cc}\n\t]|[\p{Cf}\p{Zl}\p{Zp}]/gu;

const escaped = (character: string): string => `\\u{${character.codePointAt(0)?.toString(16)}}`;

/**
 * Returns untrusted text, which may have several lines, with escapes for everything that controls a
 * terminal.
 */
export const shownText = (text: string): string => text.replaceAll(commanding, escaped);

/**
 * Does the same as `shownText` for text that must stay in one line: line feeds and tabs are
 * escaped, too.
 */
export const shown = (text: string): string => shownText(text).replaceAll(/[\n\t]/g, escaped);

/**
 * Returns a document as JSON in several lines, with escapes for everything that controls a
 * terminal.
 */
export const shownJson = (document: unknown): string =>
  JSON.stringify(document, undefined, 2).replaceAll(commanding, (character) =>
    character
      .split('')
      .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
      .join(''),
  );
