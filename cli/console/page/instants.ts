/**
 * Formats and parses instants as people read and type them: local time, as in `2026-11-24
 * 15:30:00.125`.
 */

/** Formats an instant in local time, with milliseconds. */
export const instantText = (instant: number): string => {
  const offsetMs = new Date(instant).getTimezoneOffset() * 60_000;
  return new Date(instant - offsetMs).toISOString().slice(0, -1).replace('T', ' ');
};

/**
 * Parses an instant that a person typed. It may be local time, possibly without its last parts, or
 * UTC with a final `Z`, copied from a log or a command. Returns `undefined` for any other text.
 */
export const instantOf = (text: string): number | undefined => {
  const typed = /^(\d{4}-\d\d-\d\d)(?:[ T](\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?Z?))?$/.exec(
    text.trim(),
  );
  const instant = Date.parse(typed ? `${typed[1]}T${typed[2] ?? '00:00'}` : '');
  return Number.isNaN(instant) ? undefined : instant;
};

/** The time zone of all times on the page, such as `Europe/Berlin`. */
export const timeZone = (): string => new Intl.DateTimeFormat().resolvedOptions().timeZone;

/**
 * Labels a mark on a scale whose marks are `stepMs` apart, with only the part of the time that
 * differs between marks.
 */
export const tickText = (instant: number, stepMs: number): string =>
  instantText(instant).slice(...partOf(stepMs));

const partOf = (stepMs: number): [start: number, end: number] => {
  if (stepMs >= 28 * 86_400_000) return [0, 7];
  if (stepMs >= 86_400_000) return [0, 10];
  if (stepMs >= 60_000) return [5, 16];
  return stepMs >= 1_000 ? [11, 19] : [14, 23];
};
