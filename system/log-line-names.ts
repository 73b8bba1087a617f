/** The secrets of one line of the log, as tables show them. */
import type { LogLine } from './log-lines.ts';

const shownMax = 3;

/** The names, each with its version if the line tells it; of more than three only the first. */
export const namesIn = ({
  secret,
  version,
  read,
  wrote,
}: Pick<LogLine, 'secret' | 'version' | 'read' | 'wrote'>): string | undefined => {
  const own = secret !== undefined && version !== undefined ? `${secret}@${version}` : secret;
  const names = [...new Set([...(own === undefined ? [] : [own]), ...read, ...wrote])];
  // The line names the secret of its path, and its version again among those that were read or written.
  const others = names.filter((name) => !names.some((one) => one.startsWith(`${name}@`)));
  const first = others.slice(0, shownMax).join(' ');
  const more = others.length - shownMax;
  return more > 0 ? `${first} and ${more} more` : first || undefined;
};
