/**
 * Adopts files such as real projects have them, with one command each. The real readers find the
 * same values in the output of `dsvault env expand`.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import type { TextDialect } from '../../../functions/env/dialects/dialect.ts';
import { type Dsvault, openDsvault } from '../../support/dsvault.ts';
import { useVault } from '../../support/running-vault.ts';
import { dotenvExpand, readersOf, sorted } from './readers.ts';

const vault = useVault();
let dsvault: Dsvault;
beforeAll(() => {
  dsvault = openDsvault({ DSVAULT_ADDR: vault.baseUrl(), DSVAULT_TOKEN: vault.token() });
});

const files: readonly (readonly [string, TextDialect, string])[] = [
  [
    'rails',
    'ruby',
    'SECRET_KEY_BASE RAILS_MASTER_KEY DB_PASSWORD DATABASE_URL SIDEKIQ_WEB_PASSWORD SMTP_PASSWORD AWS_SECRET_ACCESS_KEY',
  ],
  ['laravel', 'php', 'APP_KEY DB_PASSWORD MAIL_PASSWORD AWS_SECRET_ACCESS_KEY PUSHER_APP_SECRET'],
  [
    'next',
    'dotenv',
    'NEXTAUTH_SECRET DATABASE_URL STRIPE_SECRET_KEY GITHUB_CLIENT_SECRET RESEND_API_KEY',
  ],
  [
    'django',
    'python',
    'SECRET_KEY DB_PASSWORD DATABASE_URL CELERY_BROKER_URL EMAIL_HOST_PASSWORD PRIVATE_KEY',
  ],
  [
    'compose',
    'compose',
    'POSTGRES_PASSWORD REDIS_PASSWORD MINIO_ROOT_PASSWORD GRAFANA_ADMIN_TOKEN',
  ],
];

describe('dsvault env adopt', () => {
  it.each(files)(
    'adopts the secrets in the file of %s, and its readers find the same values as before',
    async (project, dialect, keys) => {
      const text = readFileSync(`test/proof/readers/adopted/${project}.env`, 'utf8');
      // As an editor on Windows would save it.
      const before = project === 'laravel' ? text.replaceAll('\n', '\r\n') : text;
      const file = join(dsvault.folder, `${project}.env`);
      writeFileSync(file, before);
      const how = ['--secrets', '--yes', '--dialect', dialect, '--prefix', `${project}.`];
      const adopted = await dsvault.run(['env', 'adopt', file, ...how, '--json']);
      expect(adopted).toMatchObject({ code: 0 });
      const report = JSON.parse(adopted.stdout);
      expect(report.adopted.map(({ key }: { key: string }) => key).join(' ')).toBe(keys);
      const expanded = await dsvault.run(['env', 'expand', file, '--dialect', dialect]);
      expect(expanded).toMatchObject({ code: 0 });
      const readers = dialect === 'dotenv' ? [dotenvExpand] : [];
      for (const { name, read } of [...readersOf[dialect], ...readers]) {
        const [was, is] = read([before, expanded.stdout]);
        expect({ name, found: sorted(is ?? '') }).toEqual({ name, found: sorted(was ?? '') });
        expect(typeof was).toBe('object');
      }
    },
  );

  it('stores only the part of a Laravel password before its number sign, because phpdotenv reads no more', async () => {
    const { stdout } = await dsvault.run(['get', 'laravel.DB_PASSWORD']);
    expect(stdout).toBe('Sup3r$ecret');
  });
});
