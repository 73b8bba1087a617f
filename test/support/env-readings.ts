/**
 * Reads test/vectors/env-readers.txt: which values the vault's grammar and the real readers of
 * `.env` files find in the same text.
 */
import { readFileSync } from 'node:fs';
import { decode } from './env-scenarios.ts';

/**
 * The values by name; null for a name without a value. Null as a whole if the reader refuses the
 * file.
 */
export type Finding = Readonly<Record<string, string | null>> | null;
export type Reading = {
  readonly id: string;
  readonly input: string;
  /** What the grammar finds; null if it reports errors. */
  readonly reads: Finding;
  /** The errors of the grammar, each as `line:column code`. */
  readonly errors: readonly string[];
  /** What each other reader finds, by the reader's name. */
  readonly readers: ReadonlyMap<string, Finding>;
};

const findingOf = (text: string): Finding => {
  if (text === 'gives up') return null;
  if (text === 'nothing') return {};
  const pairs = text.split(' · ').map((pair) => /^([^=]*)(?:=(.*))?$/s.exec(decode(pair)) ?? []);
  return Object.fromEntries(pairs.map(([, name = '', value = null]) => [name, value]));
};

const [, ...sections] = readFileSync('test/vectors/env-readers.txt', 'utf8').split(/^== /m);

export const envReadings: readonly Reading[] = sections.map((section) => {
  const [id = '', input = '', ...lines] = section.trimEnd().split('\n');
  const findings = lines.flatMap((line) => {
    const [, text = '', readers = ''] = /^ {2}(.*?) {2,}(\S.*)$/.exec(line) ?? [];
    return readers.split(', ').map((reader) => [reader, text] as const);
  });
  const { grammar = '', ...others } = Object.fromEntries(findings);
  const isError = /^\d+:\d+ /.test(grammar);
  return {
    id,
    input: decode(input),
    reads: isError ? null : findingOf(grammar),
    errors: isError ? grammar.split(', ') : [],
    readers: new Map(Object.entries(others).map(([reader, text]) => [reader, findingOf(text)])),
  };
});
