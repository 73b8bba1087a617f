/** Expands a `.env` file by the vault. */

import { failure, failureOf } from '../cli/failures.ts';
import { ownVariables } from '../cli/own-variables.ts';
import { isVaultError, type VaultClient } from '../client/index.ts';

export type Expansion = {
  readonly variables: ReadonlyMap<string, string>;
  /** The value of each secret that the file used. A variable may hold one beside other text. */
  readonly secrets: readonly string[];
};

/** Expands a file. Throws a failure, with the errors of the file if it has any. */
export const expandFile = async (client: VaultClient, content: string): Promise<Expansion> => {
  const { variables, resolved } = await expand(client, content);
  // The same versions, each alone.
  const lines = resolved.map(({ name, version }, at) => `K${at}="secret(${name}@${version})"\n`);
  const alone = lines.length > 0 ? await expand(client, lines.join('')) : undefined;
  return { variables, secrets: [...(alone?.variables.values() ?? [])] };
};

const expand = async (client: VaultClient, content: string) => {
  try {
    const reply = await client.expandEnv({ content, dialect: 'json' });
    if (!('content' in reply)) throw failure('other', 'the vault answered without a file');
    const { resolved } = reply;
    return { variables: ownVariables(content, reply.content), resolved };
  } catch (error) {
    throw isVaultError(error) ? failureOf(error) : error;
  }
};
