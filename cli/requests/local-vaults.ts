/**
 * Finds the vaults that run on this machine, and makes tokens for them, by running programs of a
 * checkout that print JSON. A program from the folder in which `dsvault` runs is never used,
 * because that folder may belong to anybody.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as v from 'valibot';
import { isLoopback } from '../../system/address.ts';
import { environment, variable } from '../../system/environment.ts';
import { failure, systemCodeOf, usage } from '../../system/failures.ts';

/**
 * The folder of the checkout: the one that the user names, or the one whose `cli/dsvault.js` runs.
 */
const findRoot = (): string | undefined => {
  const named = variable('DSVAULT_CHECKOUT');
  if (named !== undefined) return resolve(named);
  const isBuiltThere = import.meta.url.endsWith('/.local/cli/dsvault.cjs');
  return isBuiltThere ? fileURLToPath(new URL('../..', import.meta.url)) : undefined;
};

const requireRoot = (program: string): string => {
  const root = findRoot();
  if (root === undefined) {
    throw usage('--local needs the checkout of the vault: name its folder in DSVAULT_CHECKOUT');
  }
  if (existsSync(join(root, program))) return root;
  throw usage(
    `there is no ${program} in ${root}: DSVAULT_CHECKOUT names a checkout of version ${oldestCheckout} or later`,
  );
};

/** The oldest release whose checkout has the two programs below where `dsvault` looks for them. */
const oldestCheckout = '2.0.0';
const tokenProgram = 'host/bin/token.ts';
const vaultsProgram = 'host/bin/vaults.ts';

const made = v.object({ url: v.string(), token: v.string() });
export type LocalToken = v.InferOutput<typeof made>;

export type LocalCaller = {
  readonly tenant: string;
  readonly sub: string;
  readonly scope?: string | undefined;
  /** The name of the vault to choose if several run, such as `cluster`. */
  readonly for?: string | undefined;
};

/**
 * A token that `dsvault` makes has all scopes except `secrets:destroy`, which allows what cannot be
 * undone, and the longest lifetime that the local issuer allows.
 */
const usualScopes = 'secrets:read secrets:write secrets:delete secrets:explain vault:status';
const lifetime = '24h';

/**
 * Runs a program of the checkout, whose launcher finds a Node for it. The output, which may be a
 * token, comes through a pipe, where no other user can read it.
 */
const run = (program: string, args: readonly string[]): Promise<string> =>
  new Promise((settle, fail) => {
    const root = requireRoot(program);
    const folder = variable('VAULT_DATA_DIR');
    const env = { ...environment, ...(folder && { VAULT_DATA_DIR: resolve(folder) }) };
    const words = ['host/bin/launch.js', program, ...args];
    execFile(process.execPath, words, { cwd: root, env }, (error, stdout, stderr) => {
      if (error === null) return settle(stdout);
      const sentence = stderr.trim().split('\n').at(-1);
      if (error.code === 2) return fail(usage(sentence ?? 'the command line is wrong'));
      fail(failure(sentence || `cannot run ${program} (${systemCodeOf(error)})`, { cause: error }));
    });
  });

/** A token for a vault that runs on this machine, and the vault's address. */
export const makeLocalToken = async (caller: LocalCaller): Promise<LocalToken> => {
  const which = caller.for === undefined ? [] : [`--for=${caller.for}`];
  const who = [`--tenant=${caller.tenant}`, `--sub=${caller.sub}`];
  const what = [`--scope=${caller.scope ?? usualScopes}`, `--ttl=${lifetime}`, '--json'];
  return v.parse(made, JSON.parse(await run(tokenProgram, [...who, ...which, ...what])));
};

const localVault = v.object({
  name: v.string(),
  nodes: v.array(
    v.object({
      /** The number of the node; `null` for a vault without nodes. */
      node: v.nullable(v.number()),
      url: v.string(),
      /** The server's certificate in PEM; `null` or absent if it serves HTTP. */
      certificate: v.nullish(v.string()),
      /** The file of the server's log; `null` if the log is elsewhere. */
      log: v.nullable(v.string()),
    }),
  ),
});
export type LocalVault = v.InferOutput<typeof localVault>;

/** Whether this `dsvault` knows a checkout, whose programs find the vaults of this machine. */
export const knowsCheckout = (): boolean => findRoot() !== undefined;

/**
 * The vaults that run on this machine from the checkout, with all of their nodes, stopped ones too;
 * none if this `dsvault` knows no checkout.
 */
export const findLocalVaults = async (): Promise<readonly LocalVault[]> => {
  if (!knowsCheckout()) return [];
  return v.parse(v.array(localVault), JSON.parse(await run(vaultsProgram, [])));
};

/** The certificate of the vault at this address, if it runs on this machine from the checkout. */
export const findCertificate = async (url: string): Promise<string | undefined> => {
  const vaults = await findLocalVaults().catch(() => []);
  const nodes = vaults.flatMap((vault) => vault.nodes);
  return nodes.find((node) => originOf(node.url) === originOf(url))?.certificate ?? undefined;
};

export type FindLocal = () => Promise<LocalVault | undefined>;

/** The origin of an address, with a single name for this machine. */
export const originOf = (addr: string): string => {
  const url = new URL(addr);
  return `${url.protocol}//${isLoopback(url) ? 'loopback' : url.hostname}:${url.port}`;
};

/**
 * For how long a vault that was not found is not looked for again, because each search starts a
 * process.
 */
const lookAgainAfterMs = 10_000;

/**
 * Returns a function that finds the vault at `addr` among those of this machine. A vault that was
 * found is remembered, because the answer must not depend on which of its nodes run at the moment.
 * A vault that was not found may be started later, so it is looked for again after ten seconds.
 * `now` returns milliseconds of a monotonic clock.
 */
export const createFindLocal = (
  addr: string,
  findVaults: () => Promise<readonly LocalVault[]>,
  now: () => number = () => performance.now(),
): FindLocal => {
  let search: Promise<LocalVault | undefined> | undefined;
  let searchAgainAt = Number.POSITIVE_INFINITY;
  const find = async () => {
    if (!isLoopback(new URL(addr))) return undefined;
    const isHere = ({ nodes }: LocalVault) =>
      nodes.some(({ url }) => originOf(url) === originOf(addr));
    let found: LocalVault | undefined;
    try {
      found = (await findVaults()).find(isHere);
      return found;
    } finally {
      if (found === undefined) searchAgainAt = now() + lookAgainAfterMs;
    }
  };
  return () => {
    if (search === undefined || now() >= searchAgainAt) {
      searchAgainAt = Number.POSITIVE_INFINITY;
      search = find();
    }
    return search;
  };
};
