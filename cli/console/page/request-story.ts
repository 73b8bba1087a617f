/** Says in one sentence what a request did and how it ended, from its log line `request`. */

import { whyIn } from '../../../system/log-line-names.ts';
import type { LogLine } from '../log-lines.ts';
import { counted } from './counted.ts';

export const requestStory = (line: LogLine): string => {
  const { tenant, subject, operation, secret, version, node, outcome, status, code, ms } = line;
  const caller = tenant === undefined ? 'A caller without a valid token' : `${tenant} / ${subject}`;
  const about =
    secret === undefined ? '' : ` on ${secret}${version === undefined ? '' : `@${version}`}`;
  const where = node === null ? 'the vault' : `node ${node}`;
  const ended: Readonly<Record<string, string>> = { ok: 'did it', refused: 'refused it' };
  const end = [status, code, whyIn(line)].filter((part) => part !== undefined).join(', ');
  const calls = `${counted(line.storeCalls ?? 0, 'call')} to the store and ${counted(line.kmsCalls ?? 0, 'call')} to the key service`;
  const attempts = (line.attempts ?? 0) > 1 ? `, in ${line.attempts} attempts` : '';
  return `${caller} asked for ${operation}${about}, and ${where} ${ended[outcome ?? ''] ?? 'failed'} (${end}). It took ${ms} ms and ${calls}${attempts}.`;
};
