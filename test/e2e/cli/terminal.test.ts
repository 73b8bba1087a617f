/** What a person sees when `npm start` runs in a terminal. */
import { rmSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { freshFolder } from '../../support/local-process.ts';
import { openTerminal } from '../../support/terminal.ts';
import { issueToken } from '../../support/tokens.ts';

const slow = 60_000;
let folder: string;
beforeEach(() => {
  folder = freshFolder();
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/**
 * Starts the vault in a terminal, creates a secret and presses Ctrl-C. Returns what the terminal
 * showed after the start.
 */
const seenBy = async (env: NodeJS.ProcessEnv): Promise<string> => {
  const settings = { PORT: '0', VAULT_DATA_DIR: folder, ...env };
  const terminal = openTerminal(`exec '${process.execPath}' host/bin/start.ts`, settings);
  await terminal.shows(/v1\/secrets\n/);
  const [, url = ''] = /^vault listening on (\S+)$/m.exec(terminal.seen()) ?? [];
  const headers = {
    Authorization: `Bearer ${issueToken(folder, { tenant: 'demo', sub: 'you' })}`,
    'Content-Type': 'application/json',
  };
  const body = JSON.stringify({ name: 'DB_PASSWORD', value: 'hunter2' });
  const reply = await fetch(`${url}/v1/secrets`, { method: 'POST', headers, body });
  expect(reply.status).toBe(201);
  await terminal.shows(/create-secret/);
  await terminal.interrupt();
  const seen = terminal.seen();
  return seen.slice(seen.indexOf('/v1/secrets\n') + 12);
};

describe('a terminal that runs npm start', () => {
  it(
    'shows one short line for each request, and no JSON',
    async () => {
      const seen = await seenBy({});
      const request =
        /^\d\d:\d\d:\d\d {2}201 {2}create-secret {2}DB_PASSWORD {2}demo\/you {2}[\d.]+ ms$/gm;
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
