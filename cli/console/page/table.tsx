/** Tables and parts of their cells. */

import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { instantText } from './instants.ts';

export type Row = {
  readonly key: string | number;
  /** One cell per column. The first cell is the heading of the row. */
  readonly cells: readonly ComponentChildren[];
  /** The title of the row's group. Rows without a group come first. */
  readonly group?: string;
  readonly isChosen?: boolean;
};

/** A table whose rows become cards if the screen is too narrow for its columns. */
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
    {groupsOf(rows).map(([group, members]) => (
      <tbody key={group}>
        {group !== '' && (
          <tr class="group">
            <th scope="rowgroup" colSpan={columns.length}>
              {group}
            </th>
          </tr>
        )}
        {members.map(({ key, cells: [head, ...cells], isChosen }) => (
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
    ))}
  </table>
);

const groupsOf = (rows: readonly Row[]) =>
  [...Map.groupBy(rows, ({ group = '' }) => group)].sort(
    ([a], [b]) => Number(b === '') - Number(a === ''),
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

/** An instant in local time that wraps only between date and time. */
export const Instant = ({ at }: { readonly at: string }) => {
  const [day, clock] = instantText(Date.parse(at)).split(' ');
  return (
    <time dateTime={at} title={at}>
      <span>{day}</span> <span>{clock}</span>
    </time>
  );
};

export const Badge = ({ children }: { readonly children: string }) => (
  <span class={`badge ${children}`}>{children}</span>
);
