import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { tagOfParts } from '../../../functions/crypto/fingerprint.ts';
import { dialectNames } from '../../../functions/env/dialects/dialect.ts';
import { type EnvFile, type Plan, planFile } from '../../../functions/env/plan.ts';
import { writtenAs } from '../../../functions/env/references.ts';
import { renderFile } from '../../../functions/env/render.ts';
import { ApiError } from '../../../functions/model/errors.ts';
import { limits } from '../../../functions/model/limits.ts';
import { refusal } from '../../support/env-runs.ts';
import { bodyBytesInResult, fileBody } from '../../support/results.ts';

/** Characters that take one, two, three, four and six bytes in a JSON string. */
const text = (lines: boolean) =>
  fc
    .array(
      fc.constantFrom(
        ...['a', ' ', '"', '\\', "'", '$', '\u0001', '\u001b', '\t', '\u007f', 'é', '€'],
        ...['\u2028', '😀', '#', ...(lines ? ['\n', '\b'] : [])],
      ),
      { maxLength: 30 },
    )
    .map((all) => all.join(''));
const names = ['A', 'B', 'C'];
const references = names.map((name) => `secret(${name})`);
const piece = fc.constantFrom(...references, 'secret(A@7)', 'x', '.', '\\secret(A)');
const line = fc.oneof(
  fc.array(piece, { maxLength: 4 }).map((all) => (index: number) => `K${index}="${all.join('')}"`),
  text(false).map((any) => () => `# ${any}`),
  fc.constant((index: number) => `K${index}=enc(NEW${index})`),
);
const asked = fc.record({
  lines: fc.array(line, { maxLength: 6 }),
  values: fc.array(text(true), { minLength: 4, maxLength: 4 }),
  version: fc.constantFrom(1, 42, limits.versionMax),
  mode: fc.constantFrom<EnvFile['mode']>('submit', 'expand'),
  dialect: fc.constantFrom(...(dialectNames.split(', ') as EnvFile['dialect'][])),
  reply: fc.constantFrom<'json' | 'text'>('json', 'text'),
  pin: fc.boolean(),
});

type Asked = typeof asked extends fc.Arbitrary<infer Value> ? Value : never;

const planOf = ({ lines, mode, dialect }: Asked): Plan => {
  const written = lines.map((write, index) => write(index));
  const stored = written.flatMap((entry) => /enc\((\w+)\)/.exec(entry)?.[1] ?? []);
  const values = new Map(stored.map((name) => [name, `value of ${name}`]));
  return planFile({ content: written.join('\n'), values, dialect, mode });
};

/** Returns the result of `work`, or `undefined` if it refuses the file or a value. */
const unlessUnfit = <Result>(work: () => Result): Result | undefined => {
  try {
    return work();
  } catch (error) {
    const isUnfit =
      error instanceof ApiError && ['invalid_env', 'invalid_request'].includes(error.code);
    if (isUnfit) return undefined;
    throw error;
  }
};

describe('the size of a reply', () => {
  it('is computed before versions and tag are known: never too low, and too high by at most a tag and nine digits for each version', () => {
    let counted = 0;
    fc.assert(
      fc.property(asked, (all) => {
        const plan: Plan | undefined = unlessUnfit(() => planOf(all));
        if (!plan) return;
        const { values, version, reply } = all;
        const read = plan.read.map(writtenAs);
        const resolved = new Map(
          read.map((name, index) => [name, new TextEncoder().encode(values[index % 4])]),
        );
        const pinTo =
          all.pin && all.mode === 'expand' && reply === 'json'
            ? new Map(read.map((name) => [name, { version }]))
            : undefined;
        const render = (limit?: number) => renderFile(plan, resolved, reply, pinTo, limit);
        const rendered = unlessUnfit(render);
        if (!rendered) return;
        const anchor = 'k3f9qzTb';
        const used = plan.read.map(({ name, version: pin = version }) => ({
          name,
          version: pin,
          anchor,
        }));
        const created = plan.create.map(({ name }) => ({ name, version, anchor }));
        const tag = all.mode === 'expand' ? tagOfParts([]) : undefined;
        const answer = { ...rendered, created, resolved: used, tag, replayed: false };
        const size = bodyBytesInResult(fileBody(reply, answer));
        expect(refusal(() => render(size - 1))).toEqual({ code: 'too_large', limit: size - 1 });
        const versions = read.length + created.length;
        const spare = versions * String(limits.versionMax).length + ',"tag":""'.length + 50;
        expect(render(size + (reply === 'json' ? spare : 0))).toEqual(rendered);
        counted += 1;
      }),
      { numRuns: 1_000 },
    );

    expect(counted).toBeGreaterThan(300);
  });
});
