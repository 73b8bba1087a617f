/**
 * What vault runs on this machine? The programs of a checkout answer as JSON, which only this file reads.
 * Other programs of the checkout make tokens, and change the nodes of a cluster. A program of the folder in
 * which `dsvault` runs is never taken, because that folder may be anybody's.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as v from 'valibot';
import { isLoopback } from '../../system/address.ts';
import { environment, variable } from '../../system/environment.ts';
import { failure, systemCodeOf, usage } from '../../system/failures.ts';

/** The folder of the checkout: the one that the user names, or else the one whose `cli/dsvault.js` runs. */
const findRoot = (): string | undefined => {
  const named = variable('DSVAULT_CHECKOUT');
  if (named !== undefined) return resolve(named);
  const isBuiltThere = import.meta.url.endsWith('/.local/cli/dsvault.cjs');
  return isBuiltThere ? fileURLToPath(new URL('../..', import.meta.url)) : undefined;
};

const requireRoot = (): string => {
  const root = findRoot();
  if (root === undefined) {
    throw usage('--local needs the checkout of the vault: name its folder in DSVAULT_CHECKOUT');
  }
  if (existsSync(join(root, tokenProgram))) return root;
  throw usage('the folder in DSVAULT_CHECKOUT is no checkout of the vault');
};

const tokenProgram = 'local/bin/token.ts';
const vaultsProgram = 'local/bin/vaults.ts';
const clusterProgram = 'local/bin/cluster.ts';

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

/** Runs a program of the checkout, whose launcher finds a Node for it. A token passes through a pipe. */
const run = (program: string, args: readonly string[]): Promise<string> =>
  new Promise((settle, fail) => {
    const root = requireRoot();
    const folder = variable('VAULT_DATA_DIR');
    const env = { ...environment, ...(folder && { VAULT_DATA_DIR: resolve(folder) }) };
    const words = ['local/bin/launch.js', program, ...args];
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
      /** `null` for a vault that has no nodes. */
      node: v.nullable(v.number()),
      url: v.string(),
      /** The certificate that it shows, in PEM; none over HTTP, and from a checkout of 1.0.0. */
      certificate: v.nullish(v.string()),
      /** The file of its log; `null` if the log is elsewhere. */
      log: v.nullable(v.string()),
    }),
  ),
});
export type LocalVault = v.InferOutput<typeof localVault>;

/** Whether this `dsvault` knows a checkout, by whose programs it finds the vaults of this machine. */
export const knowsCheckout = (): boolean => findRoot() !== undefined;

/** The vaults that run on this machine from the checkout; none if this `dsvault` knows no checkout. */
export const findLocalVaults = async (): Promise<readonly LocalVault[]> => {
  if (!knowsCheckout()) return [];
  return v.parse(v.array(localVault), JSON.parse(await run(vaultsProgram, [])));
};

/** The certificate that the vault at this address shows, if it runs on this machine from the checkout. */
export const findCertificate = async (url: string): Promise<string | undefined> => {
  const vaults = await findLocalVaults().catch(() => []);
  const nodes = vaults.flatMap((vault) => vault.nodes);
  return nodes.find((node) => originOf(node.url) === originOf(url))?.certificate ?? undefined;
};

/** Gives a command such as `kill 2` to the cluster of the checkout. Returns its answer; throws its refusal. */
export const commandCluster = async (...words: readonly string[]): Promise<string> =>
  (await run(clusterProgram, words)).trim();

export type FindLocal = () => Promise<LocalVault | undefined>;

/** The origin of an address, with one name for this machine. */
export const originOf = (addr: string): string => {
  const url = new URL(addr);
  return `${url.protocol}//${isLoopback(url) ? 'loopback' : url.hostname}:${url.port}`;
};

/** Each search starts a process. */
const lookAgainAfterMs = 10_000;

/**
 * Returns a function that finds the vault. A vault that was found stays, because the answer must not depend
 * on which of its nodes run at the moment. A vault that was not found may be started later. `now` returns
 * milliseconds of a clock that does not jump.
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

/** Whether it is a cluster that `npm run cluster` has started on this machine. */
export const isCluster = (local: LocalVault | undefined): boolean => local?.name === 'cluster';

/** The programs of the checkout that the console uses. */
export type Checkout = {
  /** Gives a command to the cluster; returns what it prints. Throws its refusal. */
  readonly command: (...words: readonly string[]) => Promise<string>;
  /** A token of this tenant for the vault of this name. */
  readonly newToken: (vault: string, tenant: string) => Promise<string>;
};
