/** Makes tokens for a vault on this machine, with a program of the checkout that `dsv` belongs to. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as v from 'valibot';
import { environment, variable } from './environment.ts';
import { failure, systemCodeOf, usage } from './failures.ts';

/** `dsv` runs from the bundle `.local/cli/dsv.js`. */
const root = fileURLToPath(new URL('../..', import.meta.url));
const tokenProgram = 'local/bin/token.ts';

const made = v.object({ url: v.string(), token: v.string() });
export type LocalToken = v.InferOutput<typeof made>;

export type LocalCaller = {
  readonly tenant: string;
  readonly sub: string;
  readonly scope?: string | undefined;
  /** The vault to choose if several run. */
  readonly for?: string | undefined;
};

/** All scopes but that of what cannot be undone, and the longest lifetime that the local issuer gives. */
const usualScopes = 'secrets:read secrets:write secrets:delete secrets:explain vault:status';
const lifetime = '24h';

/** Runs the token program with the Node of the checkout. The token passes through a pipe. */
const runTokenProgram = (args: readonly string[]): Promise<string> =>
  new Promise((settle, fail) => {
    const folder = variable('VAULT_DATA_DIR');
    const env = { ...environment, ...(folder && { VAULT_DATA_DIR: resolve(folder) }) };
    const node = join(root, 'node_modules/node/bin/node');
    execFile(node, [tokenProgram, ...args], { cwd: root, env }, (error, stdout, stderr) => {
      if (error === null) return settle(stdout);
      if (systemCodeOf(error) === 'ENOENT') {
        return fail(failure('other', `the checkout has no Node of its own: run npm ci in ${root}`));
      }
      const sentence = stderr.trim().split('\n').at(-1);
      if (error.code === 2) return fail(usage(sentence ?? 'the command line is wrong'));
      fail(failure('other', sentence || `cannot make a token (${systemCodeOf(error)})`, error));
    });
  });

/** A token for a vault that runs on this machine, and the vault's address. */
export const makeLocalToken = async (caller: LocalCaller): Promise<LocalToken> => {
  if (!existsSync(join(root, tokenProgram))) {
    throw failure('other', '--local works from a checkout of the vault, and this dsv is in none');
  }
  const which = caller.for === undefined ? [] : [`--for=${caller.for}`];
  const who = [`--tenant=${caller.tenant}`, `--sub=${caller.sub}`];
  const what = [`--scope=${caller.scope ?? usualScopes}`, `--ttl=${lifetime}`, '--json'];
  return v.parse(made, JSON.parse(await runTokenProgram([...who, ...which, ...what])));
};
