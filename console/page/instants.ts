/** Instants as people read and type them. */

/** An instant for a field of the kind `datetime-local`: local time with milliseconds. */
export const fieldOf = (instant: number): string => {
  const offsetMs = new Date(instant).getTimezoneOffset() * 60_000;
  return new Date(instant - offsetMs).toISOString().slice(0, -1);
};

/** Reads what a field of the kind `datetime-local` holds; `undefined` if it is empty. */
export const instantOf = (field: string): number | undefined => {
  const instant = Date.parse(field);
  return Number.isNaN(instant) ? undefined : instant;
};

const parts = {
  month: { month: 'short', year: 'numeric' },
  day: { day: 'numeric', month: 'short', year: 'numeric' },
  minute: {
    ...{ day: 'numeric', month: 'short' },
    ...{ hour: '2-digit', minute: '2-digit', hourCycle: 'h23' },
  },
  second: { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' },
  ms: { minute: '2-digit', second: '2-digit', fractionalSecondDigits: 3 },
} as const satisfies Record<string, Intl.DateTimeFormatOptions>;

/** An instant in local time, to the second. */
export const instantText = (instant: number): string =>
  new Date(instant).toLocaleString(undefined, { ...parts.day, ...parts.second });

/** An instant with milliseconds, in local time. */
export const exactText = (instant: number): string =>
  new Date(instant).toLocaleString(undefined, { ...parts.day, ...parts.second, ...parts.ms });

/** The time zone of all times that the page shows, such as `Europe/Berlin`. */
export const timeZone = (): string => new Intl.DateTimeFormat().resolvedOptions().timeZone;

/** The mark of an instant on a scale whose marks are `stepMs` apart. */
export const tickText = (instant: number, stepMs: number): string =>
  new Date(instant).toLocaleString(undefined, parts[finenessOf(stepMs)]);

const finenessOf = (stepMs: number): keyof typeof parts => {
  if (stepMs >= 28 * 86_400_000) return 'month';
  if (stepMs >= 86_400_000) return 'day';
  if (stepMs >= 60_000) return 'minute';
  return stepMs >= 1_000 ? 'second' : 'ms';
};
