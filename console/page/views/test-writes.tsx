/** The stream of test writes, and its outcomes each second. */

import type { TestWrites } from '../../../cli/console/page-documents.ts';
import { secondsShown } from '../../../cli/console/test-write-rates.ts';
import { barsOf, ceilingOf, meanOf, outcomes } from '../graphs.ts';
import { tickText } from '../instants.ts';
import { useAction, usePolling } from '../query-hooks.ts';
import { RefusalNotice } from '../query-status.tsx';
import { act } from '../session.ts';

/** The changes of nodes, drawn in the graph. The list outlives the view. */
const marks: { readonly at: number; readonly text: string }[] = [];

export const markChange = (text: string): void => void marks.push({ at: Date.now(), text });

const height = 40;
const meanSeconds = 5;

const read = (signal: AbortSignal): Promise<TestWrites> =>
  act('test-writes', { to: 'read' }, signal);

export const TestWritesPart = () => {
  const { result, again } = usePolling(read, 1_000);
  const { begin, cancel, isBusy, refusal } = useAction();
  const isRunning = result?.isRunning === true;
  const isStarting = isBusy && !isRunning;
  const change = () =>
    begin(async (signal) => {
      await act('test-writes', { to: isRunning ? 'stop' : 'start' }, signal);
      await again();
    });
  return (
    <section class="writes" aria-labelledby="writes">
      <h2 id="writes">Test writes</h2>
      <p>
        20 writes a second to the tenant <code>console-test</code>, on all nodes in turn, for ten
        minutes at most. The graph shows what callers see while a node fails and comes back.
      </p>
      <p class="row">
        <button type="button" disabled={isBusy} onClick={change}>
          {isRunning ? 'Stop the test writes' : 'Start the test writes'}
        </button>
        {isStarting && (
          <button type="button" onClick={cancel}>
            Cancel
          </button>
        )}
        <span role="status">{isStarting ? 'Making a token …' : ''}</span>
      </p>
      <RefusalNotice refusal={refusal} />
      <RatesGraph writes={result} />
    </section>
  );
};

const RatesGraph = ({ writes }: { readonly writes: TestWrites | undefined }) => {
  const seconds = writes?.seconds ?? [];
  const newestAt = writes?.newestAt ?? 0;
  const means = outcomes.map((outcome) => ({
    outcome,
    mean: meanOf(seconds, outcome, meanSeconds),
  }));
  const meansText = means.map(({ outcome, mean }) => `${mean} ${outcome}`).join(', ');
  const marksShown = marks
    .map((mark) => ({ ...mark, x: secondsShown - 1 - (newestAt - mark.at) / 1_000 }))
    .filter(({ x }) => x >= 0 && x <= secondsShown);
  return (
    <figure>
      <p class="ceiling">{ceilingOf(seconds)} a second</p>
      <svg
        class="rates"
        role="img"
        aria-label={`Test writes of the last two minutes. A second now: ${meansText}.`}
        viewBox={`0 0 ${secondsShown} ${height}`}
        preserveAspectRatio="none"
      >
        {barsOf(seconds, height).map(({ outcome, x, y, height: own }) => (
          <rect key={`${x}${outcome}`} class={outcome} x={x} y={y} width={0.9} height={own} />
        ))}
        {marksShown.map(({ at, x }) => (
          <line key={at} class="mark" x1={x} x2={x} y1={0} y2={height} />
        ))}
      </svg>
      <p class="span">
        <span>two minutes ago</span>
        <span>now</span>
      </p>
      <figcaption>
        <ul class="row">
          {means.map(({ outcome, mean }) => (
            <li key={outcome}>
              <svg class="rates-swatch" viewBox="0 0 10 10" aria-hidden="true">
                <rect class={outcome} width={10} height={10} />
              </svg>{' '}
              <output data-outcome={outcome}>{mean}</output> {outcome} a second
            </li>
          ))}
        </ul>
        <p class="marks">
          {marksShown.length > 0 &&
            `Vertical lines: ${marksShown.map(({ at, text }) => `${text} at ${timeOf(at)}`).join(', ')}.`}
        </p>
        <p class="failure">
          {writes?.lastFailure && `The last write that failed: ${writes.lastFailure}.`}
        </p>
      </figcaption>
    </figure>
  );
};

const timeOf = (at: number): string => tickText(at, 1_000);
