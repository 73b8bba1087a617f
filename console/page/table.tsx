/** Tables, and what stands in their cells. */

import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { exactText, instantText } from './instants.ts';

export type Row = {
  readonly key: string | number;
  /** One cell for each column. The first cell is the heading of the row. */
  readonly cells: readonly ComponentChildren[];
  readonly isChosen?: boolean;
};

/** A table whose rows become cards on a screen that is too narrow for its columns. */
export const Table = ({
  label,
  columns,
  rows,
  isBusy,
}: {
  readonly label: string;
  readonly columns: readonly string[];
  readonly rows: readonly Row[];
  readonly isBusy?: boolean;
}) => (
  <table class={useIsNarrow(columns.length) ? 'cards' : undefined} aria-busy={isBusy}>
    <caption class="hidden">{label}</caption>
    <thead>
      <tr>
        {columns.map((column) => (
          <th key={column} scope="col">
            {column}
          </th>
        ))}
      </tr>
    </thead>
    <tbody>
      {rows.map(({ key, cells: [head, ...cells], isChosen }) => (
        <tr key={key} class={isChosen ? 'chosen' : undefined}>
          <th scope="row">{head}</th>
          {cells.map((cell, index) => (
            <td key={columns[index + 1]} data-column={columns[index + 1]}>
              {cell}
            </td>
          ))}
        </tr>
      ))}
    </tbody>
  </table>
);

const useIsNarrow = (columns: number): boolean => {
  const query = matchMedia(`(max-width: ${Math.max(600, columns * 125)}px)`);
  const [isNarrow, setNarrow] = useState(query.matches);
  useEffect(() => {
    const changed = () => setNarrow(query.matches);
    query.addEventListener('change', changed);
    return () => query.removeEventListener('change', changed);
  }, []);
  return isNarrow;
};

/** An instant: the local time for people, the exact one for those who look closer. */
export const Instant = ({ at, isExact }: { readonly at: string; readonly isExact?: true }) => (
  <time dateTime={at} title={at}>
    {(isExact ? exactText : instantText)(Date.parse(at))}
  </time>
);

export const Badge = ({ children }: { readonly children: string }) => (
  <span class={`badge ${children}`}>{children}</span>
);
