import { useId, useState } from 'preact/hooks';
import { useDoing } from '../../asking.ts';
import { DiffLines } from '../../diff-lines.tsx';
import { type DiffLine, diffLines } from '../../line-diff.ts';
import { Refused, useHiding } from '../../parts.tsx';
import type { History } from './history.ts';
import { readValue } from './values.ts';

/** Compares two versions. It tells whether they differ first, and shows the lines only when asked. */
export const Compare = ({
  name,
  history: { entries },
  lacks,
}: {
  readonly name: string;
  readonly history: History;
  readonly lacks: string | undefined;
}) => {
  const stored = entries.filter(({ state }) => state === 'stored').map(({ version }) => version);
  const [chosen, setChosen] = useState<{ readonly a?: number; readonly b?: number }>({});
  const [verdict, setVerdict] = useState('');
  const [lines, setLines] = useState<readonly DiffLine[]>();
  const hide = () => setLines(undefined);
  useHiding(lines !== undefined, hide);
  const doing = useDoing();
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
  if (stored.length < 2 || lacks !== undefined) {
    return (
      <section aria-labelledby={headingId}>
        <h2 id={headingId}>Compare two versions</h2>
        <p class="soft">
          {lacks ?? 'This needs two versions that hold a value. Update the secret to get another.'}
        </p>
      </section>
    );
  }
  return (
    <section aria-labelledby={headingId}>
      <h2 id={headingId}>Compare two versions</h2>
      <div class="row">
        <VersionChoice
          label="From"
          versions={stored}
          chosen={a}
          onChoose={(each) => choose({ a: each })}
        />
        <VersionChoice
          label="To"
          versions={stored}
          chosen={b}
          onChoose={(each) => choose({ b: each })}
        />
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
      <Refused refusal={doing.refusal} />
      {lines && lines.length > 0 && <DiffLines lines={lines} />}
    </section>
  );
};

const VersionChoice = ({
  label,
  versions,
  chosen,
  onChoose,
}: {
  readonly label: string;
  readonly versions: readonly number[];
  readonly chosen: number | undefined;
  readonly onChoose: (version: number) => void;
}) => (
  <label>
    {label}{' '}
    <select value={chosen} onChange={({ currentTarget }) => onChoose(Number(currentTarget.value))}>
      {versions.map((version) => (
        <option key={version} value={version}>
          version {version}
        </option>
      ))}
    </select>
  </label>
);

const verdictOf = (
  a: number | undefined,
  b: number | undefined,
  lines: readonly DiffLine[] | undefined,
): string => {
  if (lines === undefined) return `Versions ${a} and ${b} differ in too many lines to be shown.`;
  if (lines.length === 0) return `Versions ${a} and ${b} have the same value.`;
  const count = (kind: DiffLine['kind']) => lines.filter((line) => line.kind === kind).length;
  const lineCount = (number: number) => `${number} ${number === 1 ? 'line' : 'lines'}`;
  return `Versions ${a} and ${b} differ: ${lineCount(count('removed'))} removed, ${lineCount(count('added'))} added.`;
};
