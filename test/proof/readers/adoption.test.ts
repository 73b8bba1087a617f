/** A usual file with its values in plain is adopted, expanded, and read by the programs of each dialect. */
import { describe, expect, it } from '@jest/globals';
import { planAdoption, proposeKeys } from '../../../functions/env/adoption.ts';
import { contentOf } from '../../support/env-runs.ts';
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
    'gives the readers of %s each value that it gave them before',
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
