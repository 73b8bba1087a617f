import { useId, useState } from 'preact/hooks';
import { useLack } from '../../caller.ts';
import { counted } from '../../counted.ts';
import { DiffLines } from '../../diff-lines.tsx';
import { useHiding } from '../../hidden-value.tsx';
import { type DiffLine, diffLines } from '../../line-diff.ts';
import { useAction } from '../../query-hooks.ts';
import { RefusalNotice } from '../../query-status.tsx';
import type { SecretProps } from './history.ts';
import { readValue } from './read-value.ts';

/** Says whether the values of two versions differ. Shows their lines only on demand. */
export const Compare = ({ name, history: { entries } }: SecretProps) => {
  const lack = useLack('secrets:read');
  const stored = entries.filter(({ state }) => state === 'stored').map(({ version }) => version);
  const [chosen, setChosen] = useState<{ readonly from?: number; readonly to?: number }>({});
  const [verdict, setVerdict] = useState('');
  const [lines, setLines] = useState<readonly DiffLine[]>();
  const hide = () => setLines(undefined);
  useHiding(lines !== undefined, hide);
  const doing = useAction();
  const headingId = useId();
  const { from = stored[1], to = stored[0] } = chosen;
  const choose = (choice: typeof chosen) => {
    setChosen({ ...chosen, ...choice });
    setVerdict('');
    hide();
    doing.cancel();
  };
  const compare = (isToBeShown: boolean) =>
    doing.begin(async (signal) => {
      const [before = '', after = ''] = await Promise.all(
        [from, to].map((version) => readValue(name, { version: String(version) }, signal)),
      );
      const found = diffLines(before, after);
      setVerdict(`Versions ${from} and ${to} ${verdictOf(found)}.`);
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
        {(['from', 'to'] as const).map((side) => (
          <label key={side}>
            {side === 'from' ? 'From' : 'To'}{' '}
            <select
              value={{ from, to }[side]}
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

const verdictOf = (lines: readonly DiffLine[] | undefined): string => {
  if (lines === undefined) return 'differ in too many lines to show';
  if (lines.length === 0) return 'have the same value';
  const count = (kind: DiffLine['kind']) =>
    `${counted(lines.filter((line) => line.kind === kind).length, 'line')} ${kind}`;
  return `differ: ${count('removed')}, ${count('added')}`;
};
