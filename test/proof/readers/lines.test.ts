import { describe, expect, it } from '@jest/globals';
import { type TextDialect, writerOf } from '../../../functions/env/dialects/dialect.ts';
import { contentOf, unlessRefused } from '../../support/env-runs.ts';
import { seed } from '../../support/seed.ts';
import { foreignBlocks } from './lines.ts';
import { readersOf, sorted } from './readers.ts';

const blocks = foreignBlocks(9_000, seed);
/**
 * The dialects whose readers are tested here. `shell` is not among them:
 * test/unit/env/shell.property.test.ts reads such lines with bash, where no command can run.
 */
const dialects = ['compose', 'docker', 'node', 'dotenv', 'python', 'ruby', 'php'] as const;

/** For each dialect, a secret that is as hard to write as the dialect allows. */
const secrets: Readonly<Record<(typeof dialects)[number], string>> = {
  compose: `it's "$x" \`y\` \\\n)}; #`,
  docker: `it's "$x" \`y\` \\)}; #`,
  node: `it's "$x" $(y) \\ z; }`,
  dotenv: `it's "x" y \\ z; }`,
  python: `it's "$x" \`y\` \\\n)}; #`,
  ruby: `it's "$x" \`y\` \\\n)}; #`,
  php: `it's "\${x}" \`y\` \\\n)}; #`,
};

const rendered = (text: string, dialect: TextDialect, secret: string): readonly string[] => {
  const options = { mode: 'expand', dialect, secrets: { X: secret } } as const;
  return unlessRefused(() => [contentOf(text, options)]) ?? [];
};

describe('lines that expand leaves unchanged', () => {
  it.each(dialects)(
    'mean to the readers of %s what the grammar says, unless there is a warning',
    (dialect) => {
      const writer = writerOf(dialect);
      const agreed = blocks.filter(
        ({ file, lines }) => !lines.some((line) => writer.disagrees(file, line)),
      );
      expect(agreed.length).toBeGreaterThan(1_000);
      const texts = agreed.map(({ text }) => `${text}Z=1\n`);
      for (const { name, read } of readersOf[dialect]) {
        for (const [index, found] of read(texts).entries()) {
          const wanted = new Map([['Z', '1']]);
          for (const line of agreed[index]?.lines ?? []) {
            if (line.kind === 'assignment') wanted.set(line.key, line.value.decoded);
          }
          const seen = { name, seed, text: texts[index] };
          expect({ ...seen, found: sorted(found) }).toEqual({ ...seen, found: sorted(wanted) });
        }
      }
    },
  );

  it.each(dialects)(
    'keep the values around them exact for the readers of %s, or expand refuses those values',
    (dialect) => {
      const secret = secrets[dialect];
      // Each file has the line with the secret either above or below the block, never both.
      // Otherwise, if one of the two lines was refused, nothing would be known about the other.
      const above = blocks.flatMap(({ text, file }) => {
        const whole = file.bom
          ? `\uFEFF# c\nT=secret(X)\n${text.slice(1)}`
          : `T=secret(X)\n${text}`;
        return rendered(whole, dialect, secret);
      });
      const below = blocks.flatMap(({ text }) => rendered(`${text}T=secret(X)\n`, dialect, secret));
      expect(Math.min(above.length, below.length)).toBeGreaterThan(2_000);
      const texts = [...above, ...below];
      for (const { name, read } of readersOf[dialect]) {
        for (const [index, found] of read(texts).entries()) {
          const value = typeof found === 'string' ? found : found.get('T');
          const seen = { name, seed, text: texts[index] };
          expect({ ...seen, value }).toEqual({ ...seen, value: secret });
        }
      }
    },
  );
});
