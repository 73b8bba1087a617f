/** Expands a `.env` file with the vault. */

import type { VaultClient } from '../client/index.ts';
import { parseFile } from '../functions/env/grammar.ts';
import { scanFile } from '../functions/env/references.ts';
import { failure } from '../system/failures.ts';
import { ownVariables } from '../system/own-variables.ts';

export type Expansion = {
  readonly variables: ReadonlyMap<string, string>;
  /**
   * Every text to be masked in the log: the value of each secret, and of each variable that
   * contains one, because its base64 differs from that of the secret alone. Plain lines of the file
   * are not secret.
   */
  readonly secrets: readonly string[];
  /** The versions that were read, as `NAME@VERSION`. */
  readonly versions: readonly string[];
};

/**
 * Expands a file. Throws a failure, or the client's error with the errors of the file, if it has
 * any.
 */
export const expandFile = async (client: VaultClient, content: string): Promise<Expansion> => {
  const { variables, resolved } = await expand(client, content);
  // Asks the vault a second time, for each secret without the text around it, so that its value can
  // be masked by itself.
  const lines = resolved.map(({ name, version }, at) => `K${at}="secret(${name}@${version})"\n`);
  const alone = lines.length > 0 ? await expand(client, lines.join('')) : undefined;
  const holding = holdersIn(content);
  const holders = [...variables].filter(([key]) => holding.has(key));
  return {
    variables,
    secrets: [...holders.map(([, value]) => value), ...(alone?.variables.values() ?? [])],
    versions: resolved.map(({ name, version }) => `${name}@${version}`),
  };
};

/** Returns the keys of the lines in a `.env` file whose values contain `secret()`. */
const holdersIn = (content: string): ReadonlySet<string> => {
  const lines = scanFile(parseFile(content)).lines.filter(({ candidates }) =>
    candidates.some(({ kind }) => kind === 'secret'),
  );
  return new Set(lines.map(({ line }) => line.key));
};

const expand = async (client: VaultClient, content: string) => {
  const reply = await client.expandEnv({ content, dialect: 'json' });
  if (!('content' in reply)) throw failure('the vault answered without a file');
  return { variables: ownVariables(content, reply.content), resolved: reply.resolved };
};
