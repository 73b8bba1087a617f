import { describe, expect, it } from '@jest/globals';
import type { ListedMember } from '../../../../host/etcd/member-client.ts';
import type { Comparison } from '../../../../host/node/comparing.ts';
import type { PeerCall } from '../../../../host/node/peers.ts';
import { askForMember, createReplacer } from '../../../../host/node/replacing.ts';
import type { Verdict } from '../../../../host/node/report.ts';
import { configOf, memberCallsOf } from '../../../support/nodes.ts';

const url = (node: number): string => `https://127.0.0.1:${2_380 + node}`;
const listed = (node: number, ID = String(node), name = `node-${node}`): ListedMember => ({
  ID,
  name,
  peerURLs: [url(node)],
});
const clusterOfAll = [1, 2, 3].map((node) => `node-${node}=${url(node)}`).join(',');
const givenToAll = { cluster: clusterOfAll };

const comparisonOf = (verdicts: Readonly<Record<number, Verdict>>): Comparison => ({
  read: { revision: 9, committed: { own: 9, others: new Map() } },
  own: { revision: 9, compactRevision: 0, hash: 1, etcd: '3.4.23' },
  verdicts: new Map(Object.entries(verdicts).map(([node, verdict]) => [Number(node), verdict])),
});
const agreed = comparisonOf({ 2: 'equal' });
const threeMembers = [1, 2, 3].map((node) => listed(node));

/**
 * Starts node 1 with its member. `calls` lists, in order, its comparisons and the changes to the
 * cluster.
 */
const startGiver = (members: readonly ListedMember[] = threeMembers, count = 3) => {
  const compared = { comparison: agreed };
  let present = members;
  const calls: string[] = [];
  const replaced: number[] = [];
  const member = memberCallsOf({
    listMembers: async () => present,
    removeMember: async (id) => {
      calls.push(`remove ${id}`);
      present = present.filter(({ ID }) => ID !== id);
    },
    addMember: async (peerUrl) => {
      calls.push(`add ${peerUrl}`);
      present = [...present, { ID: `new ${calls.length}`, name: '', peerURLs: [peerUrl] }];
      return present;
    },
  });
  const give = createReplacer({
    config: configOf(1, count),
    member,
    compareWithout: async (lost) => {
      calls.push(`compare without ${lost}`);
      return compared.comparison;
    },
    onReplaced: async (node) => void replaced.push(node),
  });
  const ask = async (request: object): Promise<unknown> =>
    JSON.parse(await give(JSON.stringify(request)));
  const start = (node: number, id: string): void => {
    present = present.map((one) => (one.ID === id ? { ...one, name: `node-${node}` } : one));
  };
  return { ask, calls, replaced, compared, start };
};

describe('a node that is asked for a new member', () => {
  it('compares the remaining copies, removes the lost member, and then adds a new one', async () => {
    const { ask, calls, replaced } = startGiver();
    expect(await ask({ node: 3, instead: '3' })).toEqual(givenToAll);
    expect(calls).toEqual(['compare without 3', 'remove 3', `add ${url(3)}`]);
    expect(replaced).toEqual([3]);
  });

  it('only returns the id of the member if the request names no lost member', async () => {
    const { ask, calls, replaced } = startGiver();
    expect(await ask({ node: 3 })).toEqual({ member: '3' });
    expect([calls, replaced]).toEqual([[], []]);
  });

  it('changes nothing if a late request names a member that is already gone', async () => {
    const { ask, calls, start } = startGiver();
    await ask({ node: 3, instead: '3' });
    start(3, 'new 3');
    const before = calls.length;
    expect(await ask({ node: 3, instead: '3' })).toEqual({ member: 'new 3' });
    expect(calls.slice(before)).toEqual([]);
  });

  it('returns the added member again if it has not started yet', async () => {
    const { ask, calls } = startGiver([listed(1), listed(2), listed(3, '9', '')]);
    expect(await ask({ node: 3 })).toEqual(givenToAll);
    expect(await ask({ node: 3, instead: '3' })).toEqual(givenToAll);
    expect(calls).toEqual([]);
  });

  it('replaces the member of a node whose address has changed', async () => {
    const former = { ID: '3', name: 'node-3', peerURLs: ['https://127.0.0.9:2380'] };
    const { ask, calls } = startGiver([listed(1), listed(2), former]);
    expect(await ask({ node: 3 })).toEqual({ member: '3' });
    expect(await ask({ node: 3, instead: '3' })).toEqual(givenToAll);
    expect(calls).toEqual(['compare without 3', 'remove 3', `add ${url(3)}`]);
  });

  it('adds a member if an earlier request stopped after the removal', async () => {
    const { ask, calls } = startGiver([listed(1), listed(2)]);
    expect(await ask({ node: 3, instead: '3' })).toEqual(givenToAll);
    expect(calls).toEqual(['compare without 3', `add ${url(3)}`]);
  });

  it('adds no fourth member if the address of a node changed before its member started', async () => {
    const moved = [
      listed(1),
      listed(2),
      { ...listed(3, '3', ''), peerURLs: ['https://10.0.0.9:2380'] },
    ];
    const { ask, calls } = startGiver(moved);
    await expect(ask({ node: 3 })).rejects.toThrow(`no member has the address ${url(3)}`);
    expect(calls).toEqual([]);
  });

  it.each<[string, number, Readonly<Record<number, Verdict>>]>([
    ['the two remaining nodes of three have different data', 3, { 2: 'different' }],
    ['the other remaining node of three gives no answer', 3, { 2: 'none' }],
    ['only two remaining nodes of five have equal data', 5, { 2: 'equal', 3: 'none', 4: 'none' }],
    [
      'two remaining nodes of five have other data than the other two',
      5,
      { 2: 'equal', 3: 'different', 4: 'different' },
    ],
  ])('removes and adds no member while %s', async (_, count, verdicts) => {
    for (const members of [threeMembers, [listed(1), listed(2)]]) {
      const { ask, calls, replaced, compared } = startGiver(members, count);
      compared.comparison = comparisonOf(verdicts);
      await expect(ask({ node: 3, instead: '3' })).rejects.toThrow(
        'the other nodes do not agree on the data, or too few of them answer',
      );
      expect([calls, replaced]).toEqual([['compare without 3'], []]);
    }
  });

  it('replaces a member of five while three of the remaining nodes have equal data', async () => {
    const { ask, calls, compared } = startGiver(threeMembers, 5);
    compared.comparison = comparisonOf({ 2: 'equal', 4: 'equal', 5: 'none' });
    await ask({ node: 3, instead: '3' });
    expect(calls).toContain('remove 3');
  });

  it('handles one request after the other, and returns the same member for a repeated one', async () => {
    const { ask, calls } = startGiver();
    const both = await Promise.all([
      ask({ node: 3, instead: '3' }),
      ask({ node: 3, instead: '3' }),
    ]);
    expect(both).toEqual([givenToAll, givenToAll]);
    expect(calls).toEqual(['compare without 3', 'remove 3', `add ${url(3)}`]);
  });

  it('handles the next request after one has failed', async () => {
    const { ask, compared } = startGiver();
    compared.comparison = comparisonOf({ 2: 'none' });
    await expect(ask({ node: 3, instead: '3' })).rejects.toThrow();
    compared.comparison = agreed;
    expect(await ask({ node: 3, instead: '3' })).toEqual(givenToAll);
  });

  it('refuses a malformed request, and one for an unknown node', async () => {
    const { ask, calls } = startGiver();
    await expect(ask({ node: 4 })).rejects.toThrow('there is no node 4');
    await expect(ask({ instead: '3' })).rejects.toThrow();
    expect(calls).toEqual([]);
  });
});

describe('a node that asks for a new member', () => {
  /**
   * Starts asking for a new member for node 3. The other nodes give these answers, one after the
   * other.
   */
  const start = (answers: readonly (string | Error)[], signal = new AbortController().signal) => {
    const rest = [...answers];
    const asked: (readonly [node: number, path: string, body: string | undefined])[] = [];
    const refusals: string[] = [];
    const ask: PeerCall = async (node, _, path, { body }) => {
      asked.push([node, path, body]);
      const answer = rest.shift() ?? new Error('it is silent');
      if (answer instanceof Error) throw answer;
      return answer;
    };
    const onRefused = (why: string) => void refusals.push(why);
    const given = askForMember({ node: 3, ask, others: [1, 2], onRefused, signal });
    return { given, asked, refusals };
  };
  const cluster = '{"cluster":"node-1=a,node-3=b","restore":""}';
  const taken = { cluster: 'node-1=a,node-3=b' };

  it('accepts the first member that another node returns', async () => {
    const { given, asked, refusals } = start([cluster]);
    expect(await given).toEqual(taken);
    expect(asked).toEqual([[1, '/member', '{"node":3}']]);
    expect(refusals).toEqual([]);
  });

  it('names the lost member by the id that another node returned, and asks the next node if that id has changed', async () => {
    const { given, asked, refusals } = start(['{"member":"7"}', '{"member":"8"}', cluster]);
    expect(await given).toEqual(taken);
    expect(asked.map(([node, _, body]) => [node, body])).toEqual([
      [1, '{"node":3}'],
      [1, '{"node":3,"instead":"7"}'],
      [2, '{"node":3}'],
    ]);
    expect(refusals).toEqual(['the member is 8 by now']);
  });

  it('asks all other nodes until one returns a member, and reports each refusal', async () => {
    const silent = new Error('it is silent');
    const refusal = new Error('the other nodes do not agree');
    const { given, asked, refusals } = start([silent, refusal, cluster]);
    expect(await given).toEqual(taken);
    expect(asked.map(([node]) => node)).toEqual([1, 2, 1]);
    expect(refusals).toEqual(['it is silent', 'the other nodes do not agree']);
  });

  it('stops asking when the node is closed', async () => {
    const closing = new AbortController();
    const { given } = start([], closing.signal);
    closing.abort();
    await expect(given).rejects.toThrow('The operation was aborted');
  });
});
