/** Foreign text for a terminal. Its writer may want to command the terminal, hide other lines or forge some. */

/** Characters that command a terminal, move its cursor, or change the direction or the length of a line. */
const commanding = /[^\P{Cc}\n\t]|[\p{Cf}\p{Zl}\p{Zp}]/gu;

const escaped = (character: string): string => `\\u{${character.codePointAt(0)?.toString(16)}}`;

/** Foreign text in several lines, with escapes for all that commands a terminal. */
export const shownText = (text: string): string => text.replaceAll(commanding, escaped);

/** The same for text within a line. */
export const shown = (text: string): string => shownText(text).replaceAll(/[\n\t]/g, escaped);

/** A document as JSON in several lines, with escapes for all that commands a terminal. */
export const shownJson = (document: unknown): string =>
  JSON.stringify(document, undefined, 2).replaceAll(commanding, (character) =>
    character
      .split('')
      .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
      .join(''),
  );
