import { errorsAt } from '../../../../functions/env/faults.ts';
import { type References, writtenAs } from '../../../../functions/env/references.ts';
import { fileSentence } from '../../../../system/file-sentences.ts';
import type { FileError } from '../../../../system/problem-report.ts';
import { counted } from '../counted.ts';
import { Table } from '../table.tsx';
import type { NameStates } from './name-states.ts';
import type { Position } from './text-positions.ts';

export type Finding = FileError & { readonly isWarning?: true };

/**
 * Lists the faults and warnings, each with a button that goes to its position. The editor refers to
 * the id of the heading, so that screen readers read the number of faults with the editor.
 */
export const Findings = ({
  findings,
  omitted,
  onGo,
}: {
  readonly findings: readonly Finding[];
  readonly omitted: number;
  readonly onGo: (position: Position) => void;
}) => {
  const faults = findings.filter(({ isWarning }) => !isWarning).length + omitted;
  return (
    <section aria-labelledby="findings">
      <h2 id="findings" aria-live="polite">
        {faults === 0 ? 'No faults' : counted(faults, 'fault')}
      </h2>
      <ul class="findings">
        {findings.map((finding) => (
          <li key={`${finding.line}:${finding.column}:${finding.code}`}>
            <button type="button" class="place" onClick={() => onGo(finding)}>
              line {finding.line}, column {finding.column}
            </button>{' '}
            <span class={finding.isWarning ? 'warning' : 'bad'}>
              {finding.isWarning && 'warning: '}
              {fileSentence(finding)}
            </span>{' '}
            <code>{finding.code}</code>
          </li>
        ))}
        {omitted > 0 && <li>and {omitted} more</li>}
      </ul>
    </section>
  );
};

/** Lists the names that the file refers to, and their states in the vault. */
export const Names = ({
  content,
  references: { enc, secret },
  states,
  onGo,
}: {
  readonly content: string;
  readonly references: References;
  readonly states: NameStates;
  readonly onGo: (position: Position) => void;
}) => {
  const rows = [
    ...[...enc.values()].map((first) => ({
      reference: `enc(${writtenAs(first)})`,
      offset: first.offset,
    })),
    ...[...secret].map(([written, { offset }]) => ({ reference: `secret(${written})`, offset })),
  ].sort((a, b) => a.offset - b.offset);
  if (rows.length === 0) return null;
  // `errorsAt` wants a code for each error, but only the positions are used here, so any code will
  // do.
  const positions = errorsAt(
    content,
    rows.map(({ offset }) => ({ offset, code: 'not_found' })),
  );
  return (
    <section aria-labelledby="names">
      <h2 id="names">Names</h2>
      <Table
        label="The names that the file refers to"
        columns={['Reference', 'First in', 'In the vault']}
        rows={rows.map(({ reference }, index) => {
          const { line = 1, column = 1 } = positions[index] ?? {};
          const state = states.get(reference);
          return {
            key: reference,
            cells: [
              <code key="reference">{reference}</code>,
              <button key="line" type="button" class="place" onClick={() => onGo({ line, column })}>
                line {line}
              </button>,
              <span key="state" class={state && (state.isWanted ? 'wanted' : 'bad')}>
                {state?.text ?? 'not looked up'}
              </span>,
            ],
          };
        })}
      />
    </section>
  );
};
