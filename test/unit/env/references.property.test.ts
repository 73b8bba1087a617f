import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { parseFile } from '../../../functions/env/grammar.ts';
import { type EnvFile, planFile } from '../../../functions/env/plan.ts';
import { writtenAs } from '../../../functions/env/references.ts';
import { renderFile } from '../../../functions/env/render.ts';
import { ApiError } from '../../../functions/model/errors.ts';
import { fileText } from '../../support/env-files.ts';
import { isForShellsOnly } from '../../support/shells.ts';

/**
 * A piece of a value. `typed` is what the file contains once quotes and escapes are removed,
 * `meant` is what it stands for.
 */
type Piece =
  | { readonly kind: 'text'; readonly typed: string; readonly meant: string }
  | { readonly kind: 'secret' | 'enc'; readonly name: string; readonly pairs: number };

const textPiece = fc.oneof(
  fc
    .array(fc.constantFrom(...`ab1 .:=#'"$\\\`{é😀\n\t-_`), { maxLength: 5 })
    .map((all) => all.join(''))
    .map((typed) => ({ kind: 'text' as const, typed, meant: typed })),
  fc
    .tuple(fc.nat(2), fc.constantFrom('secret(S0)', 'enc(N0)', 'Secret (', 'enc(', 'secret(A'))
    .map(([pairs, looks]) => ({
      kind: 'text' as const,
      typed: ` ${'\\'.repeat(pairs * 2 + 1)}${looks}`,
      meant: ` ${'\\'.repeat(pairs)}${looks}`,
    })),
);
const secrets = ['S0', 'S1', 'S.2-x', '__proto__'];
const news = ['N0', 'N1', 'N.2-x', 'constructor'];
/** The names whose next version the file stores. */
const nexts: ReadonlySet<string> = new Set(['N1', 'N.2-x']);
const reference = (kind: 'secret' | 'enc', names: string[]): fc.Arbitrary<Piece> =>
  fc.record({ kind: fc.constant(kind), name: fc.constantFrom(...names), pairs: fc.nat(2) });
const pieces: fc.Arbitrary<readonly Piece[]> = fc.array(
  fc.oneof(textPiece, reference('secret', secrets), reference('enc', news)),
  { maxLength: 4 },
);

type Style = { readonly head: string; readonly quote: number; readonly tail: string };
const style: fc.Arbitrary<Style> = fc.record({
  head: fc.constantFrom('', 'export ', '\t', ' export\t'),
  quote: fc.nat(2),
  tail: fc.constantFrom('', ' ', ' # c', ` # it's enc(X) Secret(`),
});

/** Returns a spelling of a decoded value: bare, in single quotes or in double quotes. */
const spell = (decoded: string, quote: number): string => {
  const bare = /^(?!['"#])\S(?:.*\S)?$/su.test(decoded) && !/[\n\r]|[ \t]#/.test(decoded);
  if (quote === 0 && bare) return decoded;
  if (quote === 1 && !decoded.includes("'")) return `'${decoded}'`;
  return `"${decoded.replace(/[\\"]/g, '\\$&').replaceAll('\t', '\\t')}"`;
};

const typedOf = (piece: Piece): string =>
  piece.kind === 'text'
    ? piece.typed
    : `;${'\\\\'.repeat(piece.pairs)}${piece.kind}(${piece.name}${nexts.has(piece.name) ? '@next' : ''})`;

type Sample = {
  readonly content: string;
  readonly values: ReadonlyMap<string, string>;
  readonly secrets: ReadonlyMap<string, string>;
  readonly meaning: readonly (readonly [string, string])[];
  /** Whether the file holds an `enc()`. If so, the reply to submit must be expanded later. */
  readonly creates: boolean;
};

const value = fc.string({ unit: fc.constantFrom(...`ab12 '"$\\\`#é😀\n;(`), maxLength: 12 });

/**
 * A file, its request, and the meaning of the file, computed independently of the code under test.
 */
const sample: fc.Arbitrary<Sample> = fc
  .record({
    lines: fc.array(fc.tuple(pieces, style), { minLength: 1, maxLength: 6 }),
    stored: fc.array(value, { minLength: 4, maxLength: 4 }),
    news: fc.array(fc.tuple(textPiece, style, fc.constantFrom('values', 'file', 'both')), {
      minLength: 4,
      maxLength: 4,
    }),
    bom: fc.boolean(),
  })
  .map(({ lines, stored, news: sources, bom }) => {
    const store = new Map(secrets.map((name, index) => [name, stored[index] ?? '']));
    const used = new Set(
      lines.flatMap(([all]) => all.flatMap((p) => (p.kind === 'enc' ? p.name : []))),
    );
    const values = new Map<string, string>();
    const created = new Map<string, string>();
    const text: string[] = [bom ? '\uFEFF# c' : ''];
    const meaning: [string, string][] = [];
    for (const [index, [source, form, from]] of sources.entries()) {
      const name = news[index] ?? '';
      const inFile = from !== 'values' && !/[.-]/.test(name);
      created.set(name, source.meant);
      if (used.has(name) && !(inFile && from === 'file')) values.set(name, source.meant);
      if (!inFile) continue;
      text.push(`${form.head}${name}=${spell(source.typed, form.quote)}${form.tail}`);
      meaning.push([name, source.meant]);
    }
    for (const [index, [all, form]] of lines.entries()) {
      const typed = all.map(typedOf).join('');
      text.push(`${form.head}K${index}=${spell(typed, form.quote)}${form.tail}`);
      const meant = all.map((piece) => {
        if (piece.kind === 'text') return piece.meant;
        const known = piece.kind === 'enc' ? created : store;
        return `;${'\\'.repeat(piece.pairs)}${known.get(piece.name) ?? ''}`;
      });
      meaning.push([`K${index}`, meant.join('')]);
    }
    const content = text.join('\n');
    return { content, values, secrets: store, meaning, creates: used.size > 0 };
  });

const run = (
  file: Pick<EnvFile, 'content' | 'mode'> & Partial<EnvFile>,
  store: ReadonlyMap<string, string>,
) => {
  const plan = planFile({ values: new Map(), dialect: 'shell', ...file });
  const utf8 = new TextEncoder();
  const resolved = new Map(
    plan.read.map((ref) => [writtenAs(ref), utf8.encode(store.get(ref.name) ?? '')]),
  );
  const { content } = renderFile(plan, resolved, 'json');
  return {
    content,
    store: new Map([...store, ...plan.create.map((c) => [c.name, c.value] as const)]),
  };
};

/**
 * Calls `run` with these arguments, and skips the sample if the file is refused only for errors
 * with one of `codes`.
 */
const runUnless = (codes: string[], ...args: Parameters<typeof run>) => {
  try {
    return run(...args);
  } catch (error) {
    const errors = error instanceof ApiError ? (error.properties.errors ?? []) : [];
    fc.pre(errors.length === 0 || !errors.every(({ code }) => codes.includes(code)));
    throw error;
  }
};

const read = (text: string) => {
  const { lines, errors } = parseFile(text);
  expect(errors).toEqual([]);
  return lines.flatMap((line) =>
    line.kind === 'assignment' ? [[line.key, line.value.decoded]] : [],
  );
};

describe('a rewritten env file', () => {
  // Shows G10.
  it('expands to its original meaning after encrypt', () => {
    fc.assert(
      fc.property(sample, ({ content, values, secrets: store, meaning }) => {
        const encrypted = run({ content, values, mode: 'encrypt' }, store);
        const again = { content: encrypted.content, mode: 'expand' } as const;
        const json = run({ ...again, dialect: 'json' }, encrypted.store);
        expect(Object.entries(JSON.parse(json.content)).sort()).toEqual([...meaning].sort());
        const shell = runUnless(['not_representable'], again, encrypted.store);
        if (meaning.some(([, any]) => isForShellsOnly(any))) return;
        expect(read(shell.content)).toEqual(meaning);
      }),
      { numRuns: 1_500 },
    );
  });

  it('stays the same if it is encrypted twice', () => {
    fc.assert(
      fc.property(sample, ({ content, values, secrets: store }) => {
        const once = run({ content, values, mode: 'encrypt' }, store);
        const twice = run({ content: once.content, mode: 'encrypt' }, once.store);
        expect(twice.content).toBe(once.content);
        expect(run({ content, values, mode: 'encrypt' }, store)).toEqual(once);
      }),
      { numRuns: 1_000 },
    );
  });

  it('expands to its original meaning after submit', () => {
    fc.assert(
      fc.property(sample, ({ content, values, secrets: store, meaning, creates }) => {
        fc.pre(creates);
        const refusals = ['not_representable', 'nested_reference'];
        const submitted = runUnless(refusals, { content, values, mode: 'submit' }, store);
        const again = { content: submitted.content, mode: 'expand', dialect: 'json' } as const;
        const expanded = run(again, submitted.store);
        expect(Object.entries(JSON.parse(expanded.content)).sort()).toEqual([...meaning].sort());
      }),
      { numRuns: 1_500 },
    );
  });
});

describe('any text submitted as a .env file', () => {
  it('gives a result, or errors with codes, positions and keys but no other text of it', () => {
    fc.assert(
      fc.property(fileText, fc.constantFrom('submit', 'encrypt', 'expand'), (content, mode) => {
        try {
          run({ content, mode }, new Map());
        } catch (error) {
          if (!(error instanceof ApiError) || error.code !== 'invalid_env') throw error;
          for (const entry of error.properties.errors ?? []) {
            const { key = '', name = '', dialect, reason, causeLine, ...rest } = entry;
            expect(Object.keys(rest).sort()).toEqual(['code', 'column', 'line']);
            for (const one of [key, name]) {
              expect(one === '' || new RegExp(`${one}[ \\t]*=`).test(content)).toBe(true);
            }
          }
        }
      }),
      { numRuns: 2_000 },
    );
  });

  // Shows G10.
  it('is returned byte for byte if it has no errors and holds nothing that looks like a reference', () => {
    fc.assert(
      fc.property(fileText, fc.constantFrom('submit', 'encrypt', 'expand'), (content, mode) => {
        fc.pre(parseFile(content).errors.length === 0 && !/(?:secret|enc)[ \t]*\(/i.test(content));
        expect(run({ content, mode }, new Map()).content).toBe(content);
      }),
      { numRuns: 1_000 },
    );
  });
});
