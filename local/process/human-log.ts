/** Formats the log for a person at a terminal: one short line for each request instead of JSON, which programs read. */
import * as v from 'valibot';

const requestLine = v.object({
  message: v.literal('request'),
  timestamp: v.string(),
  requestId: v.string(),
  operation: v.string(),
  status: v.number(),
  ms: v.number(),
  tenant: v.optional(v.string()),
  subject: v.optional(v.string()),
  secret: v.optional(v.string()),
  version: v.optional(v.number()),
  code: v.optional(v.string()),
  cause: v.optional(v.string()),
});
const alarmLine = v.object({
  message: v.literal('decision'),
  level: v.literal('WARN'),
  timestamp: v.string(),
  requestId: v.string(),
  operation: v.string(),
  decision: v.string(),
});

/** What the log says of a file that is looked at again and again. */
const fileLine = v.object({
  message: v.picklist(['policy', 'master key']),
  timestamp: v.string(),
  fault: v.optional(v.string()),
});

/** Decisions that need no attention, and more names of a request. */
const silentLine = v.object({ message: v.picklist(['decision', 'continued']) });

/** A subject may hold control characters, which a terminal would obey. */
const shown = (text: string): string =>
  text.replaceAll(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu,
    (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`,
  );

const timeOf = (timestamp: string): string => new Date(timestamp).toTimeString().slice(0, 8);

const ofRequest = (line: v.InferOutput<typeof requestLine>): string => {
  const { secret, version, tenant, subject, code, cause, requestId } = line;
  const about =
    secret === undefined ? '' : `${secret}${version === undefined ? '' : `@${version}`}`;
  const why = code === undefined ? '' : `${code}${cause === undefined ? '' : ` (${cause})`}`;
  const caller = tenant === undefined ? '' : `${tenant}/${subject}`;
  const id = line.status >= 500 ? `request ${requestId}` : '';
  const words = [timeOf(line.timestamp), line.status, line.operation, about, why, caller];
  return [...words, `${line.ms} ms`, id].filter((word) => word !== '').join('  ');
};

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

/** Returns the text to show instead of one line; a line that the functions did not log stays as it is. */
export const humanLine = (text: string): string => {
  const line = text.startsWith('{') ? parse(text) : undefined;
  if (line === undefined) return text;
  if (v.is(requestLine, line)) return `${shown(ofRequest(line))}\n`;
  if (v.is(alarmLine, line)) {
    const { timestamp, decision, operation, requestId } = line;
    return `${timeOf(timestamp)}  warning: ${decision} in ${operation}  request ${requestId}\n`;
  }
  if (v.is(fileLine, line)) {
    const { timestamp, fault } = line;
    const what = fault === undefined ? 'the access policy is in use' : `warning: ${fault}`;
    return `${timeOf(timestamp)}  ${shown(what)}\n`;
  }
  return v.is(silentLine, line) ? '' : text;
};

/**
 * From here on the log at a terminal has the form for people. `LOG_FORMAT=json` keeps JSON; an output that is
 * not a terminal always has JSON.
 */
export const showHumanLog = (environment: NodeJS.ProcessEnv): void => {
  if (environment['LOG_FORMAT'] === 'json') return;
  for (const stream of [process.stdout, process.stderr]) {
    if (!stream.isTTY) continue;
    const write = stream.write.bind(stream) as (chunk: unknown, ...rest: unknown[]) => boolean;
    stream.write = (chunk: unknown, ...rest: unknown[]): boolean =>
      write(typeof chunk === 'string' ? humanLine(chunk) : chunk, ...rest);
  }
};

/**
 * From here on each line of the log is also given to `keep`, as JSON. Other output is not, because the greeting at a
 * terminal holds a token.
 */
export const keepLog = (keep: (line: Uint8Array) => void): void => {
  for (const stream of [process.stdout, process.stderr]) {
    const write = stream.write.bind(stream) as (chunk: unknown, ...rest: unknown[]) => boolean;
    stream.write = (chunk: unknown, ...rest: unknown[]): boolean => {
      if (typeof chunk === 'string' && chunk.startsWith('{')) keep(Buffer.from(chunk));
      return write(chunk, ...rest);
    };
  }
};
