import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { parseFile, printFile } from '../../../functions/env/grammar.ts';
import { findPins, replaceParts } from '../../../functions/env/pins.ts';
import { planFile } from '../../../functions/env/plan.ts';
import { type Reference, writtenAs } from '../../../functions/env/references.ts';
import { renderFile } from '../../../functions/env/render.ts';
import { unlessRefused } from '../../support/env-runs.ts';

const names = ['A', 'B', 'S.2-x', '__proto__', 'constructor'];
const texts = ['\\secret(A)', '\\\\secret(A)', '\\Secret(', 'secret', '@3', '(A)'];
const piece = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...names.map((name) => `secret(${name})`)) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(
        fc.constantFrom(...names),
        fc.constantFrom('1', '2', '3', '999999999', '2.k3f9qzTb', '3.-_9AbCd0'),
      )
      .map(([name, version]) => `secret(${name}@${version})`),
  },
  { weight: 2, arbitrary: fc.constantFrom(...texts) },
  { weight: 4, arbitrary: fc.constantFrom(...`ab1 .:=#é😀-_@`) },
);
const quoted = fc.tuple(fc.array(piece, { maxLength: 5 }), fc.nat(2)).map(([pieces, quote]) => {
  const value = pieces.join('');
  if (quote === 1) return `'${value}\n'`;
  if (quote === 2) return `"\\"\\n${value.replaceAll('\\', '\\\\')}\\t"`;
  return value;
});
const line = fc.tuple(
  fc.constantFrom('', 'export ', '\t'),
  quoted,
  fc.constantFrom('', ' ', ' # secret(A)'),
);
const content = fc
  .tuple(fc.boolean(), fc.array(line, { maxLength: 6 }), fc.constantFrom('\n', '\r\n'))
  .map(([bom, lines, eol]) => {
    const written = lines.map(([head, value, tail], index) => `${head}K${index}=${value}${tail}`);
    const text = written.join(eol);
    return `${bom ? '\uFEFF' : ''}# secret(B)${eol}${text}`;
  });

type Versions = Readonly<Record<string, number>>;
const versions: fc.Arbitrary<Versions> = fc
  .array(fc.constantFrom(1, 2, 3, 47, 999_999_999), { minLength: 5, maxLength: 5 })
  .map((all) => Object.fromEntries(names.map((name, index) => [name, all[index] ?? 1])));

const options = { values: new Map(), dialect: 'json', mode: 'expand' } as const;

/** Expands the text with secrets whose versions all have different values. */
const expand = (text: string, current: Versions, dialect: 'shell' | 'json') => {
  const plan = planFile({ ...options, content: text, dialect });
  const used = plan.read.map((reference) => {
    const version = reference.version ?? current[reference.name] ?? 0;
    return { name: reference.name, version, reference: writtenAs(reference) };
  });
  const bytesOf = ({ name, version }: { name: string; version: number }) =>
    new TextEncoder().encode(`${name} of ${version}: $'"secret(B@1)`);
  const values = new Map(used.map((entry) => [entry.reference, bytesOf(entry)]));
  const pinTo = new Map(used.map(({ reference, version }) => [reference, { version }]));
  return renderFile(plan, values, 'json', pinTo);
};

/** Expands like `expand`, but skips the sample if it is refused. */
const expandable = (...args: Parameters<typeof expand>) => {
  const expanded = unlessRefused(() => expand(...args));
  fc.pre(expanded !== undefined);
  return expanded;
};

describe('a pinned file', () => {
  it('expands to the values it was made with, whatever the current versions are', () => {
    fc.assert(
      fc.property(
        content,
        versions,
        versions,
        fc.constantFrom('shell', 'json'),
        (text, current, later, dialect) => {
          const first = expandable(text, current, dialect);
          const again = expand(first.pinned ?? '', later, dialect);
          expect(again).toEqual(first);
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it('equals the submitted file except for its pins', () => {
    fc.assert(
      fc.property(content, versions, (text, current) => {
        const { pinned = '' } = expandable(text, current, 'json');
        expect(printFile(parseFile(pinned))).toBe(pinned);
        // Each name has only one version, so removing that version everywhere must make both equal.
        const withoutPin = (file: string, name: string) =>
          file.replaceAll(`secret(${name}@${current[name]})`, `secret(${name})`);
        const unpinned = (file: string) => names.reduce(withoutPin, file);
        expect(unpinned(pinned)).toBe(unpinned(text));
        const { read } = planFile({ ...options, content: pinned });
        expect(read.filter(({ version }) => version === undefined)).toEqual([]);
      }),
      { numRuns: 1_000 },
    );
  });

  it('changes only in the versions and anchors of the pins that are moved', () => {
    fc.assert(
      fc.property(content, versions, fc.constantFrom(...names), (text, newer, moved) => {
        const plan = unlessRefused(() => planFile({ ...options, content: text }));
        fc.pre(plan !== undefined);
        const pinFor = ({ name, version, anchor }: Reference) =>
          name === moved && version !== undefined
            ? { version: newer[name] ?? 1, anchor: anchor && 'k3f9qzTb' }
            : undefined;
        const bumped = replaceParts(text, findPins(plan.lines, pinFor));
        const wanted = (reference: Reference) => writtenAs({ ...reference, ...pinFor(reference) });
        const { read } = planFile({ ...options, content: bumped });
        expect(read.map(writtenAs)).toEqual([...new Set(plan.read.map(wanted))]);
        const withoutDigits = (file: string) =>
          file.replaceAll(/(?<=\([\w.-]{1,13}@)\d+(\.[\w-]{8})?/g, '');
        expect(withoutDigits(bumped)).toBe(withoutDigits(text));
      }),
      { numRuns: 1_000 },
    );
  });
});
