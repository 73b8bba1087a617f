import type { ComponentChildren } from 'preact';
import type { DiffLine } from './line-diff.ts';
import './diff-lines.css';

/** The lines of a comparison. `show` may show the text of a line in another way. */
export const DiffLines = ({
  lines,
  show = (text) => text,
}: {
  readonly lines: readonly DiffLine[];
  readonly show?: (text: string) => ComponentChildren;
}) => (
  // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
  <ol class="diff" aria-label="Lines" translate={false} tabIndex={0}>
    {lines.map((line, index) =>
      line.kind === 'skipped' ? (
        <li key={index} class="skipped">
          {line.count} equal lines
        </li>
      ) : (
        <li key={index} class={line.kind}>
          {line.kind === 'removed' && <del>{show(line.text)}</del>}
          {line.kind === 'added' && <ins>{show(line.text)}</ins>}
          {line.kind === 'same' && <span>{show(line.text)}</span>}
        </li>
      ),
    )}
  </ol>
);
