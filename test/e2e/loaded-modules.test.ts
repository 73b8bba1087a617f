/** What a server loads: nothing that only AWS, or a tool, needs. */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, it } from '@jest/globals';
import { freshFolder } from '../support/local-process.ts';

/**
 * Ends the process once the vault listens, after it has written the list of its modules. ES modules
 * are listed by a hook that sees each one that is loaded.
 */
const probe = `
import { registerHooks } from 'node:module';
import { writeFileSync } from 'node:fs';
const urls = [];
registerHooks({ load: (url, context, next) => { urls.push(url); return next(url, context); } });
const write = process.stdout.write.bind(process.stdout);
process.stdout.write = (text, ...rest) => {
  if (String(text).startsWith('vault listening')) {
    writeFileSync(process.env.LOADED, JSON.stringify(urls));
    process.kill(process.pid, 'SIGTERM');
  }
  return write(text, ...rest);
};
`;

it('npm start with SQLite and a key in a file loads no AWS client, no code for Lambda and no template', () => {
  const folder = freshFolder();
  const [hook, list] = [join(folder, 'probe.mjs'), join(folder, 'loaded.json')];
  writeFileSync(hook, probe);
  execFileSync(
    process.execPath,
    ['--import', pathToFileURL(hook).href, resolve('host/bin/start.ts')],
    {
      env: { VAULT_DATA_DIR: join(folder, 'data'), PORT: '0', LOADED: list },
      stdio: 'pipe',
      timeout: 60_000,
    },
  );
  const loaded: readonly string[] = JSON.parse(readFileSync(list, 'utf8'));
  expect(loaded.length).toBeGreaterThan(50);
  expect(loaded.some((url) => url.endsWith('functions/get-secret.ts'))).toBe(true);
  const unwanted =
    /@aws-sdk|@smithy|functions\/(aws|lambda|dynamodb)\/|client-kms|kms-key|template/;
  expect(loaded.filter((url) => unwanted.test(url))).toEqual([]);
});
