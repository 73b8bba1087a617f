import type { DiffLine } from './line-diff.ts';
import './diff-lines.css';

/** Shows the lines of a comparison. */
export const DiffLines = ({ lines }: { readonly lines: readonly DiffLine[] }) => (
  // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
  <ol class="diff" aria-label="Lines" translate={false} tabIndex={0}>
    {lines.map((line, index) => {
      const Text = elements[line.kind];
      return (
        <li key={index} class={line.kind}>
          <Text>{line.kind === 'skipped' ? `${line.count} unchanged lines` : line.text}</Text>
        </li>
      );
    })}
  </ol>
);

const elements = { removed: 'del', added: 'ins', same: 'span', skipped: 'span' } as const;
