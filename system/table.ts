/** Tables for people. */
import { shown } from './terminal-text.ts';

type Row = readonly string[];

/** The lines of a table. Columns are as wide as their content, and nothing is truncated. */
export const tableLines = (head: Row, rows: readonly Row[]): readonly string[] => {
  const table = [head, ...rows.map((row) => row.map(shown))];
  const widths = head.map((_, column) =>
    table.reduce((width, row) => Math.max(width, widthOf(row[column] ?? '')), 0),
  );
  const padded = (cell: string, column: number) =>
    cell + ' '.repeat((widths[column] ?? 0) - widthOf(cell));
  return table.map((row) => row.map(padded).join('  ').trimEnd());
};

/** East Asian characters and emoji, which take two columns of a terminal. */
const wide =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\u{20000}-\u{3ffff}\p{Emoji_Presentation}]/gu;

const widthOf = (text: string): number => {
  const characters = text.normalize();
  return [...characters].length + (characters.match(wide)?.length ?? 0);
};
