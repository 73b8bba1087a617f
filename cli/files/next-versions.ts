/** Files that store the next version of secrets, such as those that a stolen token has read. */
import { limits } from '../../functions/model/limits.ts';

/** The vault counts a next version as two names, because it keeps the replaced version. */
const namesMax = limits.fileNamesMax / 2;

export type NextVersions = { readonly names: readonly string[]; readonly content: string };

/**
 * Returns as many files as the names need, with a line `KEY=enc(NAME@next)` for each. The key is
 * the last part of the name, with a number if another name ends in the same way.
 */
export const nextVersionFiles = (names: readonly string[]): NextVersions[] => {
  const keys = new Set<string>();
  // A name that is also a key keeps it, because the vault looks for a name's value on that line.
  const sorted = names.toSorted().sort((one, other) => Number(isKey(other)) - Number(isKey(one)));
  const lines = sorted.map((name) => {
    const wanted = keyOf(name);
    let key = wanted;
    for (let count = 2; keys.has(key); count += 1) key = `${wanted}_${count}`;
    keys.add(key);
    return `${key}=enc(${name}@next)\n`;
  });
  return Array.from({ length: Math.ceil(lines.length / namesMax) }, (_, index) => {
    const [from, to] = [index * namesMax, (index + 1) * namesMax];
    return { names: sorted.slice(from, to), content: lines.slice(from, to).join('') };
  });
};

const isKey = (name: string): boolean => keyOf(name) === name;

const keyOf = (name: string): string => {
  const last = name.split('.').findLast((part) => part !== '') ?? name;
  return last.replaceAll('-', '_').replace(/^(?=[0-9])/, '_');
};
