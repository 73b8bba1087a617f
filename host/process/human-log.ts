/** Formats the log for somebody at a terminal: a short line for each request instead of JSON. */
import { alarms } from '../../functions/runtime/request-journal.ts';
import type { Decision } from '../../functions/vault/request.ts';
import { whyIn } from '../../system/log-line-names.ts';
import { type LogLine, parseLine } from '../../system/log-lines.ts';
import { shown } from '../../system/terminal-text.ts';

const timeOf = (timestamp: string): string => new Date(timestamp).toTimeString().slice(0, 8);

const ofRequest = (line: LogLine): string => {
  const { secret, version, tenant, subject, code, cause, requestId, status = 0 } = line;
  const about =
    secret === undefined ? '' : `${secret}${version === undefined ? '' : `@${version}`}`;
  const reason = whyIn(line) ?? cause;
  const why = code === undefined ? '' : `${code}${reason === undefined ? '' : ` (${reason})`}`;
  const caller = tenant === undefined ? '' : `${tenant}/${subject}`;
  const id = status >= 500 ? `request ${requestId}` : '';
  return [status, line.operation, about, why, caller, `${line.ms} ms`, id]
    .filter((word) => word !== '')
    .join('  ');
};

/** The readable form of a line; `undefined` if the line is not shown. */
const phraseOf = (line: LogLine): string | undefined => {
  const { message, decision, operation, requestId, fault } = line;
  if (message === 'request') return ofRequest(line);
  if (fault) return `warning: ${fault}`;
  if (message === 'policy') return 'the access policy is in use';
  if (message === 'certificate') return `the certificate is in use, and ends at ${line.endsAt}`;
  if (!alarms.has(decision as Decision)) return undefined;
  return `warning: ${decision} in ${operation}  request ${requestId}`;
};

/**
 * Returns the text to show instead of a line, which is empty if the line is not shown. A line that
 * the functions did not log stays as it is.
 */
export const humanLine = (text: string): string => {
  const line = text.startsWith('{') ? parseLine(text) : undefined;
  if (line === undefined) return text;
  const phrase = phraseOf(line);
  return phrase === undefined ? '' : `${timeOf(line.timestamp)}  ${shown(phrase)}\n`;
};

/** Changes the stream so that it writes `change(text)` in place of each text from now on. */
const rewrite = (stream: NodeJS.WriteStream, change: (text: string) => string): void => {
  const write = stream.write.bind(stream) as (chunk: unknown, ...rest: unknown[]) => boolean;
  stream.write = (chunk: unknown, ...rest: unknown[]): boolean =>
    write(typeof chunk === 'string' ? change(chunk) : chunk, ...rest);
};

/**
 * From here on the log at a terminal is readable text. `LOG_FORMAT=json` keeps JSON; an output that
 * is not a terminal always gets JSON.
 */
export const showHumanLog = (environment: NodeJS.ProcessEnv): void => {
  if (environment['LOG_FORMAT'] === 'json') return;
  for (const stream of [process.stdout, process.stderr]) {
    if (stream.isTTY) rewrite(stream, humanLine);
  }
};

/**
 * From here on each line of the log is also passed to `keep`, as JSON. Other output is not, because
 * the greeting at a terminal contains a token.
 */
export const keepLog = (keep: (line: Uint8Array) => void): void => {
  for (const stream of [process.stdout, process.stderr]) {
    rewrite(stream, (text) => {
      if (text.startsWith('{')) keep(Buffer.from(text));
      return text;
    });
  }
};
