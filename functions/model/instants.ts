/**
 * Instants: milliseconds since the epoch in memory, RFC 3339 in UTC with milliseconds outside
 * ("2026-11-24T14:30:48.123Z", always 24 characters, so that text order is time order).
 */
const stored = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/;
const asked = /^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})(?:\.(\d{1,3}))?Z$/;

export const formatInstant = (instant: number): string => new Date(instant).toISOString();

/** Reads what `formatInstant` wrote; `undefined` for any other text, also for 30 February. */
export const parseInstant = (text: string): number | undefined => {
  if (!stored.test(text)) return undefined;
  const instant = Date.parse(text);
  return !Number.isNaN(instant) && formatInstant(instant) === text ? instant : undefined;
};

/** Reads a caller's instant: RFC 3339 with `Z` and at most three fraction digits. */
export const parseAskedInstant = (text: string): number | undefined => {
  const parts = asked.exec(text);
  return parts ? parseInstant(`${parts[1]}.${(parts[2] ?? '').padEnd(3, '0')}Z`) : undefined;
};
