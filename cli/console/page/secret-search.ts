/** Finds secrets whose names contain a text. The vault itself can only search by prefix. */
import type { ReplyOf } from '../../../client/types.ts';
import { limits } from '../../../functions/model/limits.ts';
import { ask } from './session.ts';

export type State = 'stored' | 'deleted';

/** One page of the list of secrets, or of those whose names contain a text. */
export type SecretsPage = {
  readonly secrets: NonNullable<ReplyOf<'list-secrets'>['secrets']>;
  /** Where the next page starts; `null` on the last page. */
  readonly nextCursor: string | null;
  readonly isWhole: boolean;
};

/** A search reads at most this many pages of names. */
const namePagesMax = 20;
export const namesMax = limits.namesPageMax * namePagesMax;
/**
 * How many found secrets a page shows. It is few, because each needs a request of its own for its
 * details.
 */
const foundPageMax = 25;

/** Reads a page of all secrets, or of those whose names contain `text`, in upper or lower case. */
export const findSecrets = async (
  { text, state, cursor }: { text: string; state: State; cursor: string | undefined },
  signal: AbortSignal,
): Promise<SecretsPage> => {
  const details = (prefix: string | undefined, limit: number) => {
    const query = { prefix, state, cursor: prefix ? undefined : cursor, limit } as const;
    return ask('list-secrets', { query: { ...query, include: 'details' } }, signal);
  };
  if (text === '') {
    const { secrets = [], nextCursor } = await details(undefined, limits.detailsPageMax);
    return { secrets, nextCursor, isWhole: true };
  }
  const { names, isWhole } = await namesHolding(text, state, signal);
  const from = Number(cursor ?? 0);
  const to = from + foundPageMax;
  const found = await Promise.all(
    names.slice(from, to).map(async (name) => {
      const { secrets = [] } = await details(name, 1);
      // The request uses the name as a prefix, so it may return a longer name instead, if this
      // secret has changed its state meanwhile.
      return secrets.filter((secret) => secret.name === name);
    }),
  );
  return { secrets: found.flat(), nextCursor: to < names.length ? String(to) : null, isWhole };
};

/**
 * Returns the names that contain the text: first those that start with it, then the others, each
 * group in the vault's order.
 */
const namesHolding = async (text: string, state: State, signal: AbortSignal) => {
  const sought = text.toLowerCase();
  const names: string[] = [];
  let cursor: string | null | undefined;
  for (let count = 0; count < namePagesMax && cursor !== null; count += 1) {
    const query = { state, cursor, limit: limits.namesPageMax };
    const page = await ask('list-secrets', { query }, signal);
    names.push(...page.names.filter((name) => name.toLowerCase().includes(sought)));
    cursor = page.nextCursor;
  }
  const begins = (name: string): number => Number(name.toLowerCase().startsWith(sought));
  return { names: names.sort((a, b) => begins(b) - begins(a)), isWhole: cursor === null };
};
