/**
 * What the recogniser takes for a secret, and what it must leave alone. The values are put together
 * at run time, so that no scanner takes this file for a leak.
 */
import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { isPublicName, looksDoubtful, looksSecret } from '../../../functions/env/looks-secret.ts';

/** Letters of both cases and digits without a pattern. */
const filler = '7aQ4zK0wXe9RbT2mYs5LdV8nGc1HjP6uFo3IqWxBtEyJrSkUvNlMiChOgDpAZf';
const chars = (count: number) => filler.repeat(5).slice(0, count);
const hex = (count: number) => '3f9a0c7be1d24586'.repeat(8).slice(0, count);
const pem = (what: string) => `-----BEGIN ${what}-----\n${chars(64)}\n-----END ${what}-----\n`;
const base64 = (text: string) => Buffer.from(text).toString('base64');

describe('looksSecret, judging by the name,', () => {
  it.each([
    ...['PASSWORD', 'DB_PASSWORD', 'PGPASSWORD', 'db_pass', 'MYSQL_PWD', 'SSH_PASSPHRASE'],
    ...[
      'SECRET',
      'SECRET_KEY_BASE',
      'SECRET_KEY',
      'clientSecret',
      'JWT_SECRET_OLD',
      'NEXTAUTH_SECRET',
    ],
    ...[
      'API_KEY',
      'API_KEY_V2',
      'API_KEY_2',
      'APIKEY',
      'apiKey',
      'APIKey',
      'api_key_v2',
      'APP_KEY',
    ],
    ...[
      'TLS_KEY_BASE64',
      'TLS_KEY_B64',
      'STRIPE_KEY_TEST',
      'STRIPE_KEY_PROD_2',
      'API_KEY_PRODUCTION',
      'AUTH_SALT',
    ],
    ...['APP_PREVIOUS_KEYS', 'ENCRYPTION_KEYS_V2', 'apiKeys', 'ERLANG_COOKIE', 'SESSION_COOKIE'],
    ...['GITHUB_TOKEN', 'GITHUB_PAT', 'JWT', 'SESSION_JWT', 'BASIC_AUTH', 'AWS_CREDENTIALS'],
  ])('takes %s for a secret', (key) => expect(looksSecret(key, 'x')).toBe(true));

  it.each([
    ...['PRIMARY_KEY', 'primaryKey', 'FOREIGN_KEY', 'SORT_KEY', 'CACHE_KEY', 'RECAPTCHA_SITE_KEY'],
    ...['PUBLIC_KEYS', 'CACHE_KEYS', 'COOKIE_DOMAIN', 'MONKEYS', 'SESSION_COOKIE_NAME'],
    ...['PUBLIC_KEY', 'SSH_PUBLIC_KEY', 'SSH_PUBLIC_KEY_V2', 'STRIPE_PUBLISHABLE_KEY'],
    ...['DB_HOST', 'KEYBOARD', 'MONKEY', 'COMPASS', 'PWD', 'PATH', 'DISPATCH', 'OAUTH', 'V2'],
    ...['PASSWORD_MIN', 'TOKENS', 'MAX_TOKENS', 'TOKEN_URL', 'SECRET_NAME', 'AWS_ACCESS_KEY_ID'],
    ...['DB_PASSWORD_FILE', 'JWT_ALGORITHM', 'PASSWORD_HASH', 'TOKEN_TTL'],
  ])('does not take %s for a secret', (key) => expect(looksSecret(key, 'x')).toBe(false));

  it.each([
    ...['NEXT_PUBLIC_API_KEY', 'VITE_TOKEN', 'REACT_APP_SECRET', 'PUBLIC_TOKEN', 'GATSBY_API_KEY'],
  ])('never takes %s for a secret, because its prefix says that it is public', (key) => {
    expect(isPublicName(key)).toBe(true);
    expect(looksSecret(key, `ghp_${chars(36)}`)).toBe(false);
  });

  it.each([
    ['a switch', 'true'],
    ['empty', ''],
    ['a variable', '$OTHER_KEY2'],
    ['a variable in braces', `\${OTHER_KEY}`],
    ['a path to a file', '/etc/ssl/private/app.pem'],
    ['a relative path', './keys/app.json'],
    ['a publishable key of Stripe', `pk_live_${chars(24)}`],
    ['a public token of Mapbox', `pk.eyJ${chars(40)}.${chars(22)}`],
    ['a public key of SSH', `ssh-ed25519 AAAAC3NzaC1lZDI1NTE5${chars(43)} me@host`],
    ['a recipient of age', 'age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p'],
  ])('does not take API_KEY for a secret if its value is %s', (_, value) => {
    expect(looksSecret('API_KEY', value)).toBe(false);
  });
});

describe('looksSecret, judging by the value,', () => {
  it.each([
    ['a token of GitHub', `ghp_${chars(36)}`],
    ['a token of GitHub in a URL', `https://ghp_${chars(36)}@github.com/a/b`],
    ['a fine-grained token of GitHub', `github_pat_${chars(22)}_${chars(59)}`],
    ['a token of GitLab', `glpat-${chars(20)}`],
    ['a token of Slack', `xoxb-${hex(12)}-${chars(24)}`],
    ['a secret key of Stripe', `sk_live_${chars(24)}`],
    ['a test key of Stripe', `sk_test_${chars(24)}`],
    ['a secret for webhooks', `whsec_${chars(32)}`],
    ['a key of OpenAI', `sk-proj-${chars(40)}`],
    ['a key of Google', `AIza${chars(35)}`],
    ['a token of npm', `npm_${chars(36)}`],
    ['a token of PyPI', `pypi-${chars(60)}`],
    ['a key of SendGrid', `SG.${chars(22)}.${chars(43)}`],
    ['a token of DigitalOcean', `dop_v1_${hex(64)}`],
    ['a token of HashiCorp Vault', `hvs.${chars(24)}`],
    ['a token of Docker Hub', `dckr_pat_${chars(27)}`],
    ['an identity of age', `AGE-SECRET-KEY-1${chars(58).toUpperCase()}`],
    ['a JSON Web Token', `eyJ${chars(20)}.eyJ${chars(40)}.${chars(43)}`],
    ['a secret token of Mapbox', `sk.eyJ${chars(40)}.${chars(22)}`],
    ['a private key', pem('PRIVATE KEY')],
    ['a private key of OpenSSH', pem('OPENSSH PRIVATE KEY')],
    ['a private key with \\n for line feeds', pem('RSA PRIVATE KEY').replaceAll('\n', '\\n')],
    ['a private key of PGP', pem('PGP PRIVATE KEY BLOCK')],
    ['a private key in Base64', base64(pem('EC PRIVATE KEY'))],
    ['an account of Google in JSON', JSON.stringify({ private_key: pem('PRIVATE KEY') })],
    ['a URL with a password', 'postgres://shop:hunter2@db:5432/shop'],
    ['a URL with a password and no user', 'redis://:hunter2@cache:6379/0'],
    ['a URL with a password and an address as user', 'smtps://shop@example.com:hunter2@smtp:465'],
    ['a header with an API key', 'api-key=hunter2'],
    ['headers, one with an API key', 'x-team=shop,X-Api-Key=hunter2'],
    ['a header with an API key after a colon', 'x_api_key: hunter2'],
    ['a header with a bearer token', 'Authorization: Bearer hunter2'],
    ['a URL with an access token', 'https://example.com/feed?user=1&access_token=hunter2'],
    ['a list of URLs, one with a password', 'amqp://a@mq1,amqp://a:hunter2@mq2'],
    ['a URL with a password in its query', 'jdbc:postgresql://db/shop?user=shop&password=hunter2'],
    ['a webhook of Slack', 'https://hooks.slack.com/services/T01/B02/c4n4ry'],
    ['a connection string', 'Server=db;User Id=shop;Password=hunter2;'],
    ['32 random bytes in Base64', `${chars(43)}=`],
    ['a key of Laravel', `base64:${chars(43)}=`],
    ['32 characters without a pattern', chars(32)],
    ['32 characters, 16 of them different', 'aB1cD2eF3gH4iJ5k'.repeat(2)],
    ['characters without a pattern, with + and /', `${chars(20)}+/${chars(20)}`],
  ])('takes %s for a secret', (_, value) => expect(looksSecret('SETTING', value)).toBe(true));

  it.each([
    ['a UUID', '6f1c2a34-9b0d-4e8f-a1c7-3d5e7f902b46'],
    ['a commit', hex(40)],
    ['a digest', hex(64)],
    ['an image with its digest', `ghcr.io/acme/shop@sha256:${hex(64)}`],
    ['the digest of a script', `sha384-${chars(64)}`],
    ['a public key in PEM', pem('PUBLIC KEY')],
    ['a certificate', pem('CERTIFICATE')],
    ['a certificate in Base64', base64(pem('CERTIFICATE'))],
    ['a public key in Base64', base64(pem('PUBLIC KEY'))],
    ['a public RSA key in DER', `MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A${chars(200)}`],
    ['a public key of SSH', `ssh-rsa AAAAB3NzaC1yc2E${chars(200)}`],
    ['a public key of SSH without its type', `AAAAC3NzaC1lZDI1NTE5${chars(43)}`],
    ['a key id of AWS', `AKIA${chars(16).toUpperCase()}`],
    ['a URL', 'https://example.com:8443/a@b?c=d'],
    ['a URL with a user', 'https://shop@example.com/'],
    ['a URL whose password is a variable', `postgres://shop:\${DB_PASSWORD}@db/shop`],
    [
      'a URL whose password is a variable without braces',
      'postgres://$DB_USER:$DB_PASSWORD@db/shop',
    ],
    ['a query whose password is a variable', `jdbc:mysql://db/shop?password=\${DB_PASSWORD}`],
    ['a URL with an address as user', 'smtps://shop@example.com@smtp:465'],
    ['a URL with an address as user and a variable', `smtps://shop@example.com:\${PW}@smtp`],
    ['a repository', 'ssh://git@github.com:22/acme/shop@v1'],
    ['a header whose API key is a variable', `api-key=\${API_KEY}`],
    ['names of headers', 'X-Api-Key, Authorization'],
    ['a rule for headers', 'Authorization: *'],
    ['a path', '/srv/apps/Shop/releases/20261130/Config/production'],
    ['a long name', 'MyCompanyProductionBucket2024InFrankfurt'],
    ['a sentence', 'The quick brown Fox jumps over 13 lazy dogs, twice a day'],
    ['31 characters without a pattern', chars(31)],
    ['42 characters, only three of them different', 'aB1'.repeat(14)],
    ['40 characters of one case', chars(40).toLowerCase()],
  ])('does not take %s for a secret', (_, value) =>
    expect(looksSecret('SETTING', value)).toBe(false),
  );

  it('takes more than 950 of 1,000 values of 24 or 32 random bytes for a secret', () => {
    const values = [24, 32].flatMap((size) =>
      Array.from({ length: 500 }, (_, index) =>
        createHash('sha256').update(`${index}`).digest().subarray(0, size).toString('base64'),
      ),
    );
    const taken = values.filter((value) => looksSecret('SETTING', value));
    expect(taken.length).toBeGreaterThan(950);
  });

  it('does not take a random public key for a secret if its name says that it is public', () => {
    expect(looksSecret('WIREGUARD_PUBLIC_KEY', `${chars(43)}=`)).toBe(false);
    expect(looksSecret('WIREGUARD_PEER', `${chars(43)}=`)).toBe(true);
  });
});

describe('looksDoubtful', () => {
  it.each([
    ...['SENTRY_DSN', 'WEBHOOK_URL', 'SECRET_NAME', 'TOKENS', 'AWS_ACCESS_KEY_ID', 'OAUTH_ID'],
    ...['PASSWORD_HASH', 'authUser', 'TLS_CERT', 'ENCRYPTION_MODE', 'API_KEY'],
  ])('asks a person to look at %s', (key) => expect(looksDoubtful(key, 'x')).toBe(true));

  it.each([
    ...['LOG_LEVEL', 'DB_HOST', 'AUTHOR', 'PRIMARY_KEY', 'KEYBOARD', 'COMPASS', 'CERTAIN'],
    ...['NEXT_PUBLIC_API_KEY', 'VITE_SENTRY_DSN'],
  ])('asks nobody to look at %s', (key) => expect(looksDoubtful(key, 'x')).toBe(false));

  it.each(['3600', '15m', '1.5', 'true', '', '/etc/ssl/app.pem', '$OTHER_TOKEN'])(
    'asks nobody to look at a token whose value is %j',
    (value) => expect(looksDoubtful('TOKEN_X', value)).toBe(false),
  );
});
