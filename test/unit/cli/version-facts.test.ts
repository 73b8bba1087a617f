import { describe, expect, it } from '@jest/globals';
import { readFacts, readFactsOfOneInstant } from '../../../cli/files/version-facts.ts';
import type { Client, Session } from '../../../cli/requests/vault-client.ts';

const entry = (version: number) => ({
  version,
  state: 'stored',
  validFrom: '',
  validTo: null,
  createdBy: 'alice',
});

/**
 * A session with a vault that asks `newestOf` for the newest version of a name each time a first
 * page is requested. A page has three versions unless the request has a limit.
 */
const sessionWith = (newestOf: (name: string) => number) => {
  const asked: string[] = [];
  const client = async (
    _: string,
    {
      name,
      query: { cursor, limit = 3 },
    }: { name: string; query: { cursor?: string; limit?: number } },
  ) => {
    const first = cursor === undefined ? newestOf(name) : Number(cursor);
    const count = Math.min(limit, first);
    asked.push(`${name} ${first}+${count}`);
    const versions = Array.from({ length: count }, (__, index) => entry(first - index));
    return { name, versions, nextCursor: first > count ? String(first - count) : null };
  };
  const session = { client: client as unknown as Client, settings: { curl: true } } as Session;
  return { session, asked };
};
const unpinned = (name: string) => ({ name, version: undefined });

describe('readFacts', () => {
  it('finds pinned versions on later pages, and reads no page after the lowest pinned version', async () => {
    const { session, asked } = sessionWith(() => 11);
    const references = [unpinned('A'), { name: 'A', version: 10 }, { name: 'A', version: 7 }];
    const facts = (await readFacts(session, references)).get('A');
    expect([facts?.newest.version, [...(facts?.pinned.keys() ?? [])]]).toEqual([11, [10, 7]]);
    expect(asked).toEqual(['A 11+3', 'A 8+3']);
  });

  it('reads only one version of a name that is not pinned', async () => {
    const { session, asked } = sessionWith(() => 11);
    await readFacts(session, [unpinned('A'), unpinned('B')]);
    expect(asked).toEqual(['A 11+1', 'B 11+1']);
  });
});

describe('readFactsOfOneInstant', () => {
  it('never combines versions that were not current at the same time', async () => {
    // Both secrets get their second version between the first read of A and the first read of B.
    const shown = { A: [1, 2, 2], B: [2, 2, 2] };
    const { session, asked } = sessionWith((name) => shown[name as 'A' | 'B'].shift() ?? 0);
    const facts = await readFactsOfOneInstant(session, [unpinned('A'), unpinned('B')]);
    expect([...facts.values()].map((one) => one?.newest.version)).toEqual([2, 2]);
    expect(asked).toHaveLength(6);
  });

  it('gives up after ten reads if the secrets of the file changed between each two of them', async () => {
    let version = 0;
    const { session, asked } = sessionWith(() => ++version);
    await expect(readFactsOfOneInstant(session, [unpinned('A')])).rejects.toMatchObject({
      exitCode: 7,
    });
    expect(asked).toHaveLength(10);
  });
});
