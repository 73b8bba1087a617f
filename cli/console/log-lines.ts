/** The lines of a vault's log as the page shows them. No line of a log holds a value. */
import * as v from 'valibot';
import { isSought } from '../../system/log-line-names.ts';
import { type LogLine as LoggedLine, parseLine as parseLogged } from '../../system/log-lines.ts';

export type LogLine = LoggedLine & {
  /** The node that wrote the line; `null` for a vault without nodes. */
  readonly node: number | null;
};

/**
 * Messages of log lines that the page does not show: `continued`, which lists further names of a
 * request, and what a host logs about its key and certificate files.
 */
const unshown: readonly string[] = ['continued', 'master key', 'certificate'];

/**
 * Parses one line of a log. Returns `undefined` for metrics, for lines that another program wrote,
 * and for lines with a message in `unshown`.
 */
export const parseLine = (line: string, node: number | null): LogLine | undefined => {
  const parsed = parseLogged(line);
  return parsed === undefined || unshown.includes(parsed.message) ? undefined : { node, ...parsed };
};

/** What a person searches for. A line must match every field that is given. */
export const filter = v.strictObject({
  /** The exact name of one of the line's secrets. */
  name: v.optional(v.string()),
  /** A text that the name of one of the line's secrets must contain, in upper or lower case. */
  secret: v.optional(v.string()),
  /** A text with which the request id must begin. */
  requestId: v.optional(v.string()),
  /**
   * A text that the line's outcome, one of its decisions, its error code or its reason must
   * contain.
   */
  outcome: v.optional(v.string()),
  /**
   * Hides the requests that the console itself sends most often (status, `whoami` and lists), and
   * those for the health. None of them returns a value.
   */
  isQuiet: v.optional(v.boolean()),
});
export type Filter = v.InferOutput<typeof filter>;

/**
 * Whether `isQuiet` hides the line. A refused list is always shown, because somebody may be looking
 * for secrets that are not theirs.
 */
const isNoise = ({ operation = '', outcome }: LogLine): boolean =>
  ['get-status', 'get-health'].includes(operation) ||
  (outcome === 'ok' && ['whoami', 'list-secrets', 'list-versions'].includes(operation));

export const matches = (line: LogLine, wanted: Filter): boolean => {
  const { requestId, outcome, isQuiet } = wanted;
  const { code, why, decision, decisions = {} } = line;
  const outcomes = [line.outcome, code, why, decision, ...Object.keys(decisions)];
  return (
    (!(wanted.name || wanted.secret) || namesOf(line).some((name) => isSought(name, wanted))) &&
    (!requestId || (line.requestId ?? '').startsWith(requestId.toLowerCase())) &&
    (!outcome || outcomes.some((one) => holds(one, outcome))) &&
    !(isQuiet && isNoise(line))
  );
};

const namesOf = ({ secret, read, wrote, copied }: LogLine) => [
  ...(secret === undefined ? [] : [secret]),
  ...[...read, ...wrote, ...copied],
];

const holds = (whole: string | undefined, part: string): boolean =>
  whole?.toLowerCase().includes(part.toLowerCase()) === true;
