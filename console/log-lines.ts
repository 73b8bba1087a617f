/** The lines of a vault's log as the page shows them. No line of a log holds a value. */
import * as v from 'valibot';
import { testSecretOf, testTenant } from './test-names.ts';

const testSecrets = [1, 2, 3].map((node) => testSecretOf(node));

const text = v.optional(v.string());
const count = v.optional(v.number());

const logged = v.object({
  message: v.picklist(['request', 'decision', 'policy']),
  timestamp: v.string(),
  requestId: text,
  operation: text,
  tenant: text,
  subject: text,
  secret: text,
  version: count,
  /** The result of a decision, such as `version_written`. */
  decision: text,
  /** How a request ended: `ok`, `refused` or `failed`. */
  outcome: text,
  status: count,
  code: text,
  cause: text,
  fault: v.nullish(v.string()),
  attempts: count,
  storeCalls: count,
  kmsCalls: count,
  units: count,
  ms: count,
});

export type LogLine = v.InferOutput<typeof logged> & {
  /** The node that wrote it; `null` for a vault without nodes. */
  readonly node: number | null;
};

/** Reads one line; `undefined` if it is a line of metrics, or none of the functions. */
export const parseLine = (line: string, node: number | null): LogLine | undefined => {
  try {
    const parsed = v.safeParse(logged, JSON.parse(line));
    return parsed.success ? { node, ...parsed.output } : undefined;
  } catch {
    return undefined;
  }
};

/** A person's search. A line must match each part that is given. */
export const filter = v.strictObject({
  /** A part of the name of the secret. */
  secret: v.optional(v.string()),
  /** The beginning of the id of the request. */
  requestId: v.optional(v.string()),
  /** A part of the outcome, the decision or the code. */
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
  const outcomes = [line.outcome, line.decision, line.code];
  return (
    (!secret || holds(line.secret, secret)) &&
    (!requestId || (line.requestId ?? '').startsWith(requestId.toLowerCase())) &&
    (!outcome || outcomes.some((one) => holds(one, outcome))) &&
    !(isQuiet && isNoise(line))
  );
};

const holds = (whole: string | undefined, part: string): boolean =>
  whole?.toLowerCase().includes(part.toLowerCase()) === true;

/** The lines in the order of their times. Lines of one time stay in the order in which they were written. */
export const inOrder = (lines: readonly LogLine[]): readonly LogLine[] =>
  [...lines].sort((one, other) => Date.parse(one.timestamp) - Date.parse(other.timestamp));
