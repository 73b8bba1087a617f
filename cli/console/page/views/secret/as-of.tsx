import { useState } from 'preact/hooks';
import { Command } from '../../buttons.tsx';
import { InstantField } from '../../form-fields.tsx';
import { Value } from '../../hidden-value.tsx';
import { Instant } from '../../table.tsx';
import { intervalAt, type VersionEntry, wholeOf } from '../../timeline.ts';
import type { SecretProps } from './history.ts';
import { readValue } from './read-value.ts';
import { Timeline } from './timeline.tsx';

/** The secret at an instant, which the slider, the field or the buttons choose. */
export const AsOf = ({
  name,
  history: { intervals, current },
  asOf,
  onChoose,
}: SecretProps & {
  /** Milliseconds since the epoch; `undefined` means now. */
  readonly asOf: number | undefined;
  readonly onChoose: (instant: number | undefined) => void;
}) => {
  // Screen readers announce the slider's own value, so the sentence below is not announced while
  // the slider moves.
  const [isSliding, setSliding] = useState(false);
  const choose = (instant: number | undefined, isSlider = false) => {
    setSliding(isSlider);
    onChoose(instant);
  };
  const found = asOf === undefined ? undefined : intervalAt(intervals, asOf);
  const index = asOf === undefined ? intervals.length - 1 : found ? intervals.indexOf(found) : -1;
  const instant = asOf === undefined ? undefined : new Date(asOf).toISOString();
  const entry = asOf === undefined ? current : found?.entry;
  const isAhead = asOf !== undefined && asOf >= wholeOf(intervals).to;
  const whyNone = found
    ? 'a version that is not loaded here. Load older versions above.'
    : isAhead
      ? 'this is in the future.'
      : 'the secret did not exist yet.';
  return (
    <>
      <Timeline intervals={intervals} asOf={asOf} onChoose={(chosen) => choose(chosen, true)} />
      <div class="row">
        <InstantField label="As of" instant={asOf ?? wholeOf(intervals).to} onChoose={choose} />
        {index > 0 && (
          <button type="button" onClick={() => choose(intervals[index - 1]?.from)}>
            Earlier version
          </button>
        )}
        {asOf !== undefined && (
          <>
            <button type="button" onClick={() => choose(intervals[index + 1]?.from)}>
              Later version
            </button>
            <button type="button" onClick={() => choose(undefined)}>
              Now
            </button>
          </>
        )}
      </div>
      <div class="as-of">
        <p aria-live={isSliding ? 'off' : 'polite'}>
          {instant === undefined ? (
            'Now: '
          ) : (
            <>
              At <Instant at={instant} />:{' '}
            </>
          )}
          {entry ? <VersionDetails {...entry} /> : whyNone}
        </p>
        {instant !== undefined && entry?.state === 'stored' && (
          <Value
            key={instant}
            label="the value at that instant"
            read={() => readValue(name, { at: instant })}
          />
        )}
        <p class="soft">The same question on the command line, and over HTTP:</p>
        <Command>{`dsvault get ${name}${instant === undefined ? '' : ` --at ${instant}`}`}</Command>
        <Command>{`GET /v1/secrets/${name}${instant === undefined ? '' : `?at=${instant}`}`}</Command>
      </div>
    </>
  );
};

const VersionDetails = (entry: VersionEntry) => {
  const { version, state, createdBy, validFrom, validTo } = entry;
  const note = entry.state === 'destroyed' ? undefined : entry.note;
  return (
    <>
      <strong>version {version}</strong>{' '}
      {state === 'deleted' && '(a deletion: there was no value) '}
      {state === 'destroyed' && '(its value has been destroyed since) '}
      by {createdBy}, valid from <Instant at={validFrom} />{' '}
      {validTo === null ? (
        'until now'
      ) : (
        <>
          to <Instant at={validTo} />
        </>
      )}
      {note === undefined ? '.' : `: “${note}”.`}
    </>
  );
};
