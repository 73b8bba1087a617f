import { useId, useState } from 'preact/hooks';
import { useLack } from '../../caller.ts';
import { counted } from '../../counted.ts';
import { DiffLines } from '../../diff-lines.tsx';
import { useHiding } from '../../hidden-value.tsx';
import { type DiffLine, diffLines } from '../../line-diff.ts';
import { useAction } from '../../query-hooks.ts';
import { RefusalNotice } from '../../query-status.tsx';
import type { History } from './history.ts';
import { readValue } from './read-value.ts';

/** Says whether two versions differ, and shows their lines only on demand. */
export const Compare = ({
  name,
  history: { entries },
}: {
  readonly name: string;
  readonly history: History;
}) => {
  const lack = useLack('secrets:read');
  const stored = entries.filter(({ state }) => state === 'stored').map(({ version }) => version);
  const [chosen, setChosen] = useState<{ readonly a?: number; readonly b?: number }>({});
  const [verdict, setVerdict] = useState('');
  const [lines, setLines] = useState<readonly DiffLine[]>();
  const hide = () => setLines(undefined);
  useHiding(lines !== undefined, hide);
  const doing = useAction();
  const headingId = useId();
  const b = chosen.b ?? stored[0];
  const a = chosen.a ?? stored[1];
  const choose = (choice: typeof chosen) => {
    setChosen({ ...chosen, ...choice });
    setVerdict('');
    hide();
    doing.cancel();
  };
  const compare = (isToBeShown: boolean) =>
    doing.begin(async (signal) => {
      const [from, to] = await Promise.all(
        [a, b].map((version) => readValue(name, { version: String(version) }, signal)),
      );
      const found = diffLines(from ?? '', to ?? '');
      setVerdict(verdictOf(a, b, found));
      if (isToBeShown) setLines(found);
    });
  const heading = <h2 id={headingId}>Compare two versions</h2>;
  if (stored.length < 2 || lack !== undefined) {
    return (
      <section aria-labelledby={headingId}>
        {heading}
        <p class="soft">
          {lack ?? 'This needs two versions that hold a value. Update the secret to get another.'}
        </p>
      </section>
    );
  }
  return (
    <section aria-labelledby={headingId}>
      {heading}
      <div class="row">
        {(
          [
            ['From', 'a'],
            ['To', 'b'],
          ] as const
        ).map(([label, side]) => (
          <label key={side}>
            {label}{' '}
            <select
              value={{ a, b }[side]}
              onChange={({ currentTarget }) => choose({ [side]: Number(currentTarget.value) })}
            >
              {stored.map((version) => (
                <option key={version} value={version}>
                  version {version}
                </option>
              ))}
            </select>
          </label>
        ))}
        <button type="button" disabled={doing.isBusy} onClick={() => compare(false)}>
          Compare
        </button>
        <button
          type="button"
          disabled={doing.isBusy}
          onClick={() => (lines === undefined ? compare(true) : hide())}
        >
          {lines === undefined ? 'Show the lines' : 'Hide the lines'}
        </button>
      </div>
      <p class="soft" role="status">
        {verdict || 'The values stay hidden until you ask to see their lines.'}
      </p>
      <RefusalNotice refusal={doing.refusal} />
      {lines && lines.length > 0 && <DiffLines lines={lines} />}
    </section>
  );
};

const verdictOf = (
  a: number | undefined,
  b: number | undefined,
  lines: readonly DiffLine[] | undefined,
): string => {
  if (lines === undefined) return `Versions ${a} and ${b} differ in too many lines to be shown.`;
  if (lines.length === 0) return `Versions ${a} and ${b} have the same value.`;
  const count = (kind: DiffLine['kind']) => lines.filter((line) => line.kind === kind).length;
  return `Versions ${a} and ${b} differ: ${counted(count('removed'), 'line')} removed, ${counted(count('added'), 'line')} added.`;
};
