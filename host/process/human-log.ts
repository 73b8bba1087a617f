/** Formats the log for somebody at a terminal: a short line for each request instead of JSON. */
import { alarms } from '../../functions/runtime/request-journal.ts';
import type { Decision } from '../../functions/vault/request.ts';
import { whyIn } from '../../system/log-line-names.ts';
import { type LogLine, parseLine } from '../../system/log-lines.ts';
import { shown } from '../../system/terminal-text.ts';
import type { LineWriter } from './turn-lines.ts';

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

/** Returns the text to show instead of a line, which is empty if the line is not shown. */
export const humanLine = (text: string): string => {
  const line = parseLine(text);
  if (line === undefined) return text;
  const phrase = phraseOf(line);
  return phrase === undefined ? '' : `${timeOf(line.timestamp)}  ${shown(phrase)}\n`;
};

/** Returns the text to show instead of several lines. */
export const humanLines = (texts: string): string =>
  texts
    .split(/(?<=\n)/)
    .map(humanLine)
    .join('');

export type LogOutput = {
  /** Shows lines of the log of this process. */
  readonly write: LineWriter;
  /** From here on each line is also passed to `file`, as JSON. */
  readonly keep: (file: (lines: Uint8Array) => void) => void;
};

/**
 * Makes the output of the log of this process: stdout, and stderr for warnings and errors. A
 * terminal shows readable text, unless `LOG_FORMAT` is `json`; any other output gets JSON.
 */
export const createLogOutput = (environment: NodeJS.ProcessEnv): LogOutput => {
  const isHuman = environment['LOG_FORMAT'] !== 'json';
  let file: ((lines: Uint8Array) => void) | undefined;
  return {
    write: (level, lines) => {
      file?.(Buffer.from(lines));
      const stream = process[level === 'INFO' ? 'stdout' : 'stderr'];
      stream.write(isHuman && stream.isTTY ? humanLines(lines) : lines);
    },
    keep: (next) => {
      file = next;
    },
  };
};
