/**
 * The lines of a vault's log, as `dsvault log` and the console read them. No line contains a value.
 */
import * as v from 'valibot';

const text = v.optional(v.string());
const count = v.optional(v.number());
const texts = v.optional(v.array(v.string()), []);

const logged = v.object({
  /** `continued` has names and ids of a request that do not fit into its line `request`. */
  message: v.picklist(['request', 'continued', 'decision', 'policy', 'master key', 'certificate']),
  timestamp: v.string(),
  requestId: text,
  /** On AWS, the request id that API Gateway returns. */
  gatewayRequestId: text,
  operation: text,
  /**
   * The id of the issuer of the caller's token, and the number of the issuer's rule that matched
   * the token.
   */
  issuer: text,
  rule: count,
  tenant: text,
  subject: text,
  secret: text,
  version: count,
  /**
   * The writeId of the version that the request destroyed, read or explained: it identifies the
   * write that created this version.
   */
  writeId: text,
  /**
   * A line `decision` has one decision in `decision`. A line `request` has in `decisions` how often
   * its request made each decision.
   */
  decision: text,
  decisions: v.optional(v.record(v.string(), v.number())),
  /** How a request ended: `ok`, `refused` or `failed`. */
  outcome: text,
  status: count,
  code: text,
  /** Why a request was refused: a word, or the scope that the token lacks. */
  why: text,
  /** How often a `.env` file has each fault. */
  reasons: v.optional(v.record(v.string(), v.number())),
  /** The version that was in the way of a write. */
  blocking: count,
  by: text,
  mismatches: v.optional(v.array(v.object({ rule: v.number(), claim: v.string() }))),
  cause: text,
  fault: v.nullish(v.string()),
  /** When the TLS certificate that the server uses expires. */
  endsAt: text,
  attempts: count,
  storeCalls: count,
  kmsCalls: count,
  units: count,
  ms: count,
  /** The versions whose values were opened, and those that were written, each as `NAME@VERSION`. */
  read: texts,
  wrote: texts,
  /** The versions that the caller already had, so that their values were not opened again. */
  compared: texts,
  /**
   * The versions whose values were opened only to be stored again, and which no caller has seen.
   */
  copied: texts,
  /**
   * Which entries of `read`, `compared` and `copied` were selected by a number (`pinned`), and
   * which as versions of the past (`past`): by an instant, in a list, or in a repeated answer. All
   * others were current. A process that does not record this writes no `pinned`.
   */
  pinned: v.optional(v.array(v.string())),
  past: texts,
  kmsRequestIds: v.optional(v.array(v.string())),
});

export type LogLine = v.InferOutput<typeof logged>;

/**
 * Parses one line. Returns `undefined` if the vault did not log it. Text around the JSON is
 * ignored, such as a time or the name of a container. The line may also be the `message` of another
 * object, as in exports of CloudWatch and in the output of `aws logs filter-log-events`.
 */
export const parseLine = (line: string): LogLine | undefined => firstIn(line, lineOf);

const numbered = v.object({
  timestamp: v.string(),
  run: v.string(),
  seq: v.number(),
  prev: text,
});

/** The number of a line in the run of the process that wrote it. */
export type LineNumber = v.InferOutput<typeof numbered> & {
  /** The line as the vault wrote it, without its line feed. */
  readonly written: string;
};

/**
 * Parses the number of a line, whatever its `message` is. Returns `undefined` for lines of other
 * programs and of releases that did not number their lines.
 */
export const parseNumber = (line: string): LineNumber | undefined =>
  firstIn(line, (found) => {
    const parsed = v.safeParse(numbered, found);
    // The vault writes JSON without blanks, so this is what it wrote.
    return parsed.success ? { ...parsed.output, written: JSON.stringify(found) } : undefined;
  });

/**
 * Whether the text is the line of a request, or what is left of a damaged one. If `parseLine`
 * cannot parse such a line, whatever is shown from the log lacks this request.
 */
export const looksLikeRequest = (line: string): boolean =>
  /"message\\*":\s*\\*"(?:request|continued)\b/.test(line);

/** Sorts lines by time. Lines with the same time keep their order. */
export const inOrder = <Line extends Pick<LogLine, 'timestamp'>>(
  lines: readonly Line[],
): readonly Line[] =>
  [...lines].sort((one, other) => Date.parse(one.timestamp) - Date.parse(other.timestamp));

const firstIn = <Parsed>(
  line: string,
  parsedFrom: (found: unknown) => Parsed | undefined,
): Parsed | undefined => {
  const json = line.slice(line.indexOf('{'), line.lastIndexOf('}') + 1);
  const found = objectOf(json) ?? objectOf(parse(`"${json}"`));
  return found && (parsedFrom(found) ?? parsedFrom(objectOf(found['message'])));
};

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
