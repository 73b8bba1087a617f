/** A person sees the requests while `npm start` runs in a pseudo-terminal. */
import { rmSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { startProgram } from '../../../local/host/supervisor.ts';
import { freshFolder } from '../../support/local-process.ts';
import { issueToken } from '../../support/tokens.ts';
import { until } from '../../support/until.ts';

const slow = 60_000;
let folder: string;
beforeEach(() => {
  folder = freshFolder();
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** The output of the terminal while a secret is created and Ctrl-C ends the vault. */
const seenBy = async (env: NodeJS.ProcessEnv): Promise<string> => {
  const { PATH, HOME } = process.env;
  const command = ['-qec', `exec '${process.execPath}' local/bin/start.ts`, '/dev/null'];
  const settings = { PATH, HOME, PORT: '0', VAULT_DATA_DIR: folder, ...env };
  const child = startProgram('script', command, { env: settings, stdio: ['pipe', 'pipe', 'pipe'] });
  let seen = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    seen += chunk;
  });
  const ended = new Promise((resolve) => child.once('close', resolve));
  await until(() => /v1\/secrets\r\n/.test(seen), slow / 2);
  const [, url = ''] = /^vault listening on (\S+)\r$/m.exec(seen) ?? [];
  const headers = {
    Authorization: `Bearer ${issueToken(folder, { tenant: 'demo', sub: 'you' })}`,
    'Content-Type': 'application/json',
  };
  const body = JSON.stringify({ name: 'DB_PASSWORD', value: 'hunter2' });
  const reply = await fetch(`${url}/v1/secrets`, { method: 'POST', headers, body });
  expect(reply.status).toBe(201);
  await until(() => seen.includes('create-secret'));
  child.stdin?.write('\u0003');
  await ended;
  return seen.slice(seen.indexOf('/v1/secrets\r\n') + 13);
};

describe('a terminal that runs npm start', () => {
  it(
    'shows one short line for each request, and no JSON',
    async () => {
      const seen = await seenBy({});
      const request =
        /^\d\d:\d\d:\d\d {2}201 {2}create-secret {2}DB_PASSWORD {2}demo\/you {2}[\d.]+ ms\r$/gm;
      expect(seen.match(request) ?? seen).toHaveLength(1);
      expect(seen).not.toContain('{');
    },
    slow,
  );

  it(
    'shows the JSON of the log if LOG_FORMAT asks for it',
    async () => {
      const seen = await seenBy({ LOG_FORMAT: 'json' });
      expect(seen).toMatch(/^\{"level":"INFO","message":"request".*"operation":"create-secret"/m);
    },
    slow,
  );
});
