/** The lines of a vault's log, as `dsvault log` and the console read them. No line of a log holds a value. */
import * as v from 'valibot';

const text = v.optional(v.string());
const count = v.optional(v.number());
const texts = v.optional(v.array(v.string()), []);

const logged = v.object({
  /** `continued` has the names and ids of a request for which its line `request` has no room. */
  message: v.picklist(['request', 'continued', 'decision', 'policy', 'master key', 'certificate']),
  timestamp: v.string(),
  requestId: text,
  /** On AWS, the id in replies of the gateway. */
  gatewayRequestId: text,
  operation: text,
  /** The id of the caller's issuer, and the number of the rule that let the caller in. */
  issuer: text,
  rule: count,
  tenant: text,
  subject: text,
  secret: text,
  version: count,
  /** The write that made the version which the request destroyed. */
  writeId: text,
  /** The decision of a line `decision`, and how often the request of a line `request` made each. */
  decision: text,
  decisions: v.optional(v.record(v.string(), v.number())),
  /** How a request ended: `ok`, `refused` or `failed`. */
  outcome: text,
  status: count,
  code: text,
  /** Why a request was refused: a word, and what of the access policy decided. */
  why: text,
  /** How often a `.env` file has each fault. */
  reasons: v.optional(v.record(v.string(), v.number())),
  /** The version that was in the way of a write. */
  blocking: count,
  by: text,
  mismatches: v.optional(v.array(v.object({ rule: v.number(), claim: v.string() }))),
  cause: text,
  fault: v.nullish(v.string()),
  /** When the certificate in use ends. */
  endsAt: text,
  attempts: count,
  storeCalls: count,
  kmsCalls: count,
  units: count,
  ms: count,
  /** The versions whose values were opened, and those that were written, each as `NAME@VERSION`. */
  read: texts,
  wrote: texts,
  /** The versions that the caller had already, so that their values were not opened again. */
  compared: texts,
  /** The versions whose values were opened to be stored again, and that no caller has seen. */
  copied: texts,
  /**
   * Those of `read`, `compared` and `copied` that were selected by a number, and those of the past: by an instant, in a list, or
   * in a repeated answer. All others were current. A process that does not tell writes no `pinned`.
   */
  pinned: v.optional(v.array(v.string())),
  past: texts,
  kmsRequestIds: v.optional(v.array(v.string())),
});

export type LogLine = v.InferOutput<typeof logged>;

/**
 * Reads one line; `undefined` if no function of the vault logged it, or if it has only metrics, as in 1.0.0.
 * Text around the JSON does not matter, such as the time or the name of a container. The line may also be the
 * `message` of another object, as in what CloudWatch exports and in what `aws logs filter-log-events` prints.
 */
export const parseLine = (line: string): LogLine | undefined => {
  const json = line.slice(line.indexOf('{'), line.lastIndexOf('}') + 1);
  const found = objectOf(json) ?? objectOf(parse(`"${json}"`));
  return found && (lineOf(found) ?? lineOf(objectOf(found['message'])));
};

/** Whether the text is, or was, the line of a request, which an answer lacks if `parseLine` fails. */
export const looksLikeRequest = (line: string): boolean =>
  /"message\\*":\s*\\*"(?:request|continued)\b/.test(line);

/** The lines in the order of their times. Lines of one time stay in the order in which they were written. */
export const inOrder = <Line extends Pick<LogLine, 'timestamp'>>(
  lines: readonly Line[],
): readonly Line[] =>
  [...lines].sort((one, other) => Date.parse(one.timestamp) - Date.parse(other.timestamp));

const lineOf = (found: unknown): LogLine | undefined => {
  const parsed = v.safeParse(logged, found);
  return parsed.success ? parsed.output : undefined;
};

const objectOf = (given: unknown): Readonly<Record<string, unknown>> | undefined => {
  const found = typeof given === 'string' ? parse(given) : given;
  return typeof found === 'object' && found !== null ? { ...found } : undefined;
};

const parse = (json: string): unknown => {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
};
