import { useId, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { InstantField } from '../../form-fields.tsx';
import { instantText, tickText } from '../../instants.ts';
import {
  type Bar,
  countWidened,
  type Interval,
  instantAt,
  intervalAt,
  lastOf,
  layOut,
  type TimeRange,
  ticksOf,
  wholeOf,
  within,
  xOf,
} from '../../timeline.ts';

/**
 * Which part of the history is drawn: all of it, its last day or hour, or the time between two
 * dates.
 */
type Zoom = 'all' | 'day' | 'hour' | 'dates';

const zooms: readonly (readonly [Zoom, string])[] = [
  ['all', 'Whole life'],
  ['day', 'Last day'],
  ['hour', 'Last hour'],
  ['dates', 'Between two dates'],
];

type TimelineProps = {
  readonly intervals: readonly Interval[];
  readonly asOf: number | undefined;
  readonly onChoose: (instant: number | undefined) => void;
};

/**
 * Draws the versions of a secret to scale, with a slider on top that chooses an instant;
 * `undefined` means now. The drawing is hidden from screen readers, because the table of versions
 * says the same.
 */
export const Timeline = ({ intervals, asOf, onChoose }: TimelineProps) => {
  const whole = wholeOf(intervals);
  const [zoom, setZoom] = useState<Zoom>('all');
  const [dates, setDates] = useState(whole);
  const part = zoom === 'all' ? whole : zoom === 'dates' ? dates : lastOf(zoom, whole.to);
  const range = within(part, whole);
  return (
    <>
      <div class="row">
        <fieldset class="choice">
          <legend class="hidden">Time range to show</legend>
          {zooms.map(([id, label]) => (
            <label key={id}>
              <input type="radio" name="zoom" checked={zoom === id} onChange={() => setZoom(id)} />{' '}
              {label}
            </label>
          ))}
        </fieldset>
        {zoom === 'dates' &&
          (['from', 'to'] as const).map((end) => (
            <InstantField
              key={end}
              label={end === 'from' ? 'From' : 'To'}
              instant={dates[end]}
              onChoose={(instant = whole[end]) => setDates({ ...dates, [end]: instant })}
            />
          ))}
      </div>
      {range === undefined ? (
        <p class="timeline soft">The secret has no versions between these dates.</p>
      ) : (
        <Scale {...{ intervals, range, asOf, onChoose }} isWhole={range.to === whole.to} />
      )}
    </>
  );
};

/** Versions that would be too narrow to see are drawn this wide, in pixels. */
const leastWidth = 4;
const barHeight = 40;
const height = 64;
/**
 * How far the middle of the slider's thumb stays away from both ends of the slider, in pixels. The
 * bars are drawn between these two points, so that the thumb is always at its instant.
 */
const margin = 8;
const stepsOfSlider = 1_000;

const Scale = ({
  intervals,
  range,
  asOf,
  onChoose,
  isWhole,
}: TimelineProps & {
  readonly range: TimeRange;
  /** Whether the right end of the drawing is now. */
  readonly isWhole: boolean;
}) => {
  const { frame, width } = useWidth();
  const id = useId();
  const inner = Math.max(width - 2 * margin, 1);
  const bars = layOut(intervals, range, { width: inner, least: leastWidth });
  const widened = countWidened(bars);
  const instant = asOf ?? range.to;
  const choose = (step: number) => {
    if (step === stepsOfSlider && isWhole) return onChoose(undefined);
    onChoose(instantAt(bars, (step / stepsOfSlider) * inner));
  };
  return (
    <>
      <div class="timeline" ref={frame}>
        <svg width={width} height={height} aria-hidden="true">
          <title>Versions over time</title>
          <Patterns id={id} />
          <g transform={`translate(${margin} 0)`}>
            {bars.map((bar) => (
              <BarShape
                key={bar.from}
                bar={bar}
                patterns={id}
                isChosen={isWithin(bar, asOf, isWhole)}
              />
            ))}
            <Ticks bars={bars} range={range} width={inner} />
          </g>
        </svg>
        <input
          type="range"
          min={0}
          max={stepsOfSlider}
          value={Math.round((xOf(bars, instant) / inner) * stepsOfSlider)}
          aria-label="As of"
          aria-valuetext={asOf === undefined ? 'now' : textAt(intervals, asOf)}
          onInput={({ currentTarget }) => choose(currentTarget.valueAsNumber)}
        />
      </div>
      <p class="legend">
        {(['stored', 'deleted', 'destroyed'] as const).map((state) => (
          <span key={state}>
            <i class={`swatch ${state}`} /> {state}
          </span>
        ))}
        {bars.some(({ entry }) => entry === undefined) && (
          <span>
            <i class="swatch unread" /> not loaded
          </span>
        )}
        {widened > 0 && (
          <span>
            {widened === 1 ? '1 short version is' : `${widened} short versions are`} drawn wider,
            not to scale
          </span>
        )}
      </p>
    </>
  );
};

const isWithin = (bar: Bar, asOf: number | undefined, isWhole: boolean): boolean =>
  asOf === undefined
    ? isWhole && bar.entry?.validTo === null
    : intervalAt([bar], asOf) !== undefined;

const textAt = (intervals: readonly Interval[], instant: number): string => {
  const version = intervalAt(intervals, instant)?.entry?.version;
  return `${instantText(instant)}${version === undefined ? '' : `, version ${version}`}`;
};

const useWidth = () => {
  const frame = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    const element = frame.current;
    if (element === null) return;
    setWidth(element.clientWidth);
    const observer = new ResizeObserver(() => setWidth(element.clientWidth));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return { frame, width };
};

/** Destroyed and unread parts have stripes, so that they differ without colours too. */
const Patterns = ({ id }: { readonly id: string }) => (
  <defs>
    {(['destroyed', 'unread'] as const).map((kind) => (
      <pattern
        key={kind}
        id={`${id}-${kind}`}
        width="6"
        height="6"
        patternUnits="userSpaceOnUse"
        patternTransform={kind === 'destroyed' ? 'rotate(45)' : 'rotate(-45)'}
      >
        <rect width="6" height="6" class={`fill ${kind}`} />
        <rect width="2" height="6" class={`stripe ${kind}`} />
      </pattern>
    ))}
  </defs>
);

const BarShape = ({
  bar: { entry, x, width },
  patterns,
  isChosen,
}: {
  readonly bar: Bar;
  readonly patterns: string;
  readonly isChosen: boolean;
}) => {
  const kind = entry?.state ?? 'unread';
  const hasPattern = kind === 'destroyed' || kind === 'unread';
  const label = String(entry?.version ?? '');
  return (
    <g class={isChosen ? 'chosen' : undefined}>
      <rect
        class={`bar ${kind}`}
        {...{ x, width, y: 4, height: barHeight - 4 }}
        {...(hasPattern && { fill: `url(#${patterns}-${kind})` })}
      />
      {label !== '' && width > 10 + label.length * 9 && (
        <text class={`label ${kind}`} x={x + width / 2} y={barHeight / 2 + 7} text-anchor="middle">
          {label}
        </text>
      )}
    </g>
  );
};

const tickSpace = 95;

/**
 * Labels round instants below the bars. A label that would overlap the previous one is left out.
 */
const Ticks = ({
  bars,
  range,
  width,
}: {
  readonly bars: readonly Bar[];
  readonly range: TimeRange;
  readonly width: number;
}) => {
  const { stepMs, instants } = ticksOf(range, Math.floor(width / tickSpace));
  let free = tickSpace / 2;
  return instants.map((instant) => {
    const x = xOf(bars, instant);
    if (x < free || x > width - tickSpace / 2) return null;
    free = x + tickSpace;
    return (
      <g key={instant} class="tick">
        <line x1={x} x2={x} y1={barHeight} y2={barHeight + 6} />
        <text {...{ x, y: height - 4 }} text-anchor="middle">
          {tickText(instant, stepMs)}
        </text>
      </g>
    );
  });
};
