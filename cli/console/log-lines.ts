/** The lines of a vault's log as the page shows them. No line of a log holds a value. */
import * as v from 'valibot';
import { type LogLine as LoggedLine, parseLine as parseLogged } from '../../system/log-lines.ts';
import { testSecretOf, testTenant } from './test-write-rates.ts';

const testSecrets = [1, 2, 3].map((node) => testSecretOf(node));

export type LogLine = LoggedLine & {
  /** The node that wrote the line; `null` for a vault without nodes. */
  readonly node: number | null;
};

/** The lines of which the page shows nothing: more names of a request, and what a host says of its files. */
const unshown: readonly string[] = ['continued', 'master key', 'certificate'];

/** Reads one line; `undefined` for a foreign line, for metrics, and for a line of which the page shows nothing. */
export const parseLine = (line: string, node: number | null): LogLine | undefined => {
  const parsed = parseLogged(line);
  return parsed === undefined || unshown.includes(parsed.message) ? undefined : { node, ...parsed };
};

/** A person's search. A line must match each part that is given. */
export const filter = v.strictObject({
  /** A part of the name of the secret. */
  secret: v.optional(v.string()),
  /** The beginning of the id of the request. */
  requestId: v.optional(v.string()),
  /** A part of the outcome, the decision, the code or the reason. */
  outcome: v.optional(v.string()),
  /** Leaves out what the console itself causes most of: questions about the status, and test writes. */
  isQuiet: v.optional(v.boolean()),
});
export type Filter = v.InferOutput<typeof filter>;

/** Only the line of a request names its tenant, so the names of the test secrets are known here, too. */
const isNoise = ({ operation = '', tenant, secret = '' }: LogLine): boolean =>
  ['get-status', 'get-health'].includes(operation) ||
  tenant === testTenant ||
  (tenant === undefined && testSecrets.includes(secret));

export const matches = (line: LogLine, wanted: Filter): boolean => {
  const { secret, requestId, outcome, isQuiet } = wanted;
  const { code, why, decision, decisions = {} } = line;
  const outcomes = [line.outcome, code, why, decision, ...Object.keys(decisions)];
  return (
    (!secret || namesOf(line).some((name) => holds(name, secret))) &&
    (!requestId || (line.requestId ?? '').startsWith(requestId.toLowerCase())) &&
    (!outcome || outcomes.some((one) => holds(one, outcome))) &&
    !(isQuiet && isNoise(line))
  );
};

const namesOf = ({ secret, read, wrote, copied }: LogLine) => [
  secret,
  ...read,
  ...wrote,
  ...copied,
];

const holds = (whole: string | undefined, part: string): boolean =>
  whole?.toLowerCase().includes(part.toLowerCase()) === true;
