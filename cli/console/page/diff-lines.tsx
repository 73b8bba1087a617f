import type { ComponentChildren } from 'preact';
import type { DiffLine } from './line-diff.ts';
import './diff-lines.css';

/** Shows the lines of a comparison. `show` renders the text of each line. */
export const DiffLines = ({
  lines,
  show = (text) => text,
}: {
  readonly lines: readonly DiffLine[];
  readonly show?: (text: string) => ComponentChildren;
}) => (
  // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
  <ol class="diff" aria-label="Lines" translate={false} tabIndex={0}>
    {lines.map((line, index) => {
      const Text = elements[line.kind];
      return (
        <li key={index} class={line.kind}>
          <Text>{line.kind === 'skipped' ? `${line.count} unchanged lines` : show(line.text)}</Text>
        </li>
      );
    })}
  </ol>
);

const elements = { removed: 'del', added: 'ins', same: 'span', skipped: 'span' } as const;
