/**
 * `set -a; . file` in bash. The spellings below mean the same to bash and to the grammar for every
 * value without NUL; what they cannot mend (a CR at the line's end, a byte order mark before the key,
 * a name that bash keeps for itself, an earlier line that bash does not end where the grammar does)
 * is refused.
 */
import type { Assignment, Line, ParsedFile } from '../grammar.ts';
import { isBashOwn, mayReachBeyond, readsAlike } from './shell-reading.ts';
import type { Writer } from './writer.ts';

const bare = /^[A-Za-z0-9_./:@%+,-][A-Za-z0-9_./:@%+,=-]*$/;

const spell = (value: string): string | undefined => {
  if (value.includes('\0')) return undefined;
  if (bare.test(value)) return value;
  if (!value.includes("'")) return `'${value}'`;
  return `"${value.replace(/[\\"$`]/g, '\\$&')}"`;
};

const write = (line: Assignment, value: string): string | undefined => {
  const spelled = spell(value);
  if (spelled === undefined) return undefined;
  const { indent, exported, key, afterValue, comment, eol } = line;
  return `${indent}${exported}${key}=${spelled}${afterValue}${comment}${eol}`;
};

const refuse = (
  file: ParsedFile,
  written: ReadonlySet<Line>,
  kept: ReadonlySet<Line>,
): ReadonlySet<Line> => {
  const refused = new Set<Line>();
  let lost = false;
  for (const [index, line] of file.lines.entries()) {
    const marked = file.bom && index === 0;
    if (kept.has(line)) lost ||= mayReachBeyond(line, marked);
    if (line.kind !== 'assignment' || !written.has(line)) continue;
    if (lost || marked || line.eol === '\r\n' || isBashOwn(line.key)) refused.add(line);
  }
  return refused;
};

export const shell: Writer = {
  write,
  refuse,
  disagrees: (file, line) => !readsAlike(line, file.bom && line === file.lines[0]),
};
