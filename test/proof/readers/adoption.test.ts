/**
 * An ordinary file with plain values is adopted and expanded, and the programs of each dialect read
 * the result.
 */
import { describe, expect, it } from '@jest/globals';
import { planAdoption, proposeKeys } from '../../../functions/env/adoption.ts';
import { silenceDuplicates } from '../../../functions/env/duplicates.ts';
import { contentOf, unlessRefused } from '../../support/env-runs.ts';
import { seed } from '../../support/seed.ts';
import { foreignBlocks } from './lines.ts';
import { readersOf, sorted, textDialects } from './readers.ts';

const usual = `# the shop
NODE_ENV=production
PORT=3000

DB_HOST=db.internal
DB_USER=shop
DB_PASSWORD=hunter2hunter2
DATABASE_URL=postgres://shop:hunter2hunter2@db.internal:5432/shop?sslmode=require
REDIS_URL=redis://:f00ba4@cache:6379/0
SESSION_SECRET=q9+Zk/3v0a==
STRIPE_KEY=sk_live_51H8x
MAIL_FROM=shop@example.com
SMTP_PASSWORD=xq7-%^a,b
GITHUB_TOKEN=ghp_16C7e42F292c6912E7710c838347Ae178B4a
FEATURES=a,b,c
LOG_LEVEL=info
`;

describe('an adopted file of 15 lines', () => {
  it.each(textDialects)(
    'gives the readers of %s after its expansion each value that they found in it before its adoption',
    (dialect) => {
      const nameOf = (key: string) => `shop.${key}`;
      const { content, secrets, errors } = planAdoption(usual, {
        ...{ keys: proposeKeys(usual), nameOf, dialect },
      });
      expect(errors).toEqual([]);
      expect(secrets.map(({ key }) => key)).toEqual([
        ...['DB_PASSWORD', 'DATABASE_URL', 'REDIS_URL', 'SESSION_SECRET', 'STRIPE_KEY'],
        ...['SMTP_PASSWORD', 'GITHUB_TOKEN'],
      ]);
      const values = Object.fromEntries(secrets.map(({ name, value }) => [name, value]));
      const expanded = contentOf(content, { mode: 'expand', dialect, secrets: values });
      for (const { name, read } of readersOf[dialect]) {
        const [before, after] = read([usual, expanded]);
        expect({ name, found: sorted(after ?? '') }).toEqual({ name, found: sorted(before ?? '') });
        expect(sorted(after ?? '')).toHaveLength(14);
      }
    },
  );
});

describe('a value that its reader reads differently from the vault', () => {
  const blocks = foreignBlocks(9_000, seed);

  it.each(['docker', 'python'] as const)(
    'is adopted as the readers of %s read it, or stays',
    (dialect) => {
      const files = blocks.flatMap(({ text, lines }) => {
        const before = `${text}Z=1\n`;
        const read = new Map(
          lines.flatMap((line) =>
            line.kind === 'assignment' ? [[line.key, line.value.decoded] as const] : [],
          ),
        );
        const plan = unlessRefused(() =>
          planAdoption(before, { keys: [...read.keys()], nameOf: (key) => `app.${key}`, dialect }),
        );
        if (!plan?.secrets.some(({ key, value }) => read.get(key) !== value)) return [];
        const secrets = Object.fromEntries(plan.secrets.map(({ name, value }) => [name, value]));
        const after = contentOf(plan.content, { mode: 'expand', dialect, secrets });
        return [{ before, after }];
      });
      expect(files.length).toBeGreaterThan(100);
      for (const { name, read } of readersOf[dialect]) {
        const meant = read(files.map(({ before }) => before));
        for (const [index, found] of read(files.map(({ after }) => after)).entries()) {
          const seen = { name, seed, ...files[index] };
          const wanted = sorted(meant[index] ?? '');
          expect({ ...seen, found: sorted(found) }).toEqual({ ...seen, found: wanted });
        }
      }
    },
  );
});

describe('a file that assigns a key twice', () => {
  const twice = 'A=1\nB="x y"\nA=2\nC=3\nA="4 5"\nB=6\n';

  it.each(textDialects)(
    'gives the readers of %s the same values after its earlier assignments became comments',
    (dialect) => {
      const { content, silenced } = silenceDuplicates(twice);
      expect(silenced.map(({ line }) => line)).toEqual([1, 2, 3]);
      for (const { name, read } of readersOf[dialect]) {
        const [before, after] = read([twice, content]);
        expect({ name, found: sorted(after ?? '') }).toEqual({ name, found: sorted(before ?? '') });
        expect(sorted(after ?? '')).toHaveLength(3);
      }
    },
  );
});
