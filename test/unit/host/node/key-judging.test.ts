import { createSecretKey, randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { wrap } from '../../../../host/kms/data-key-wrapping.ts';
import { checkOf } from '../../../../host/kms/key-file.ts';
import type { Candidate, StoredKeys } from '../../../../host/kms/key-proof.ts';
import { judgeKey, type Witnesses } from '../../../../host/node/key-judging.ts';
import type { NodeReport } from '../../../../host/node/report.ts';

const keyId = '6f1f3c5e-0a52-4c3f-9a0e-3f6f6a1d2b11';
const context = new Map([['name', 'DB_PASSWORD']]);

const freshKey = (): Candidate => {
  const secret = createSecretKey(randomBytes(32));
  const check = checkOf({ keyId, secret });
  return { keyId, secret, state: 'Enabled', check, hasOpened: false };
};
const [right, wrong, third] = [freshKey(), freshKey(), freshKey()];
const sealedValue = (key: Candidate) => ({ wrapped: wrap(key, randomBytes(32), context), context });
const storedUnder = (...keys: readonly Candidate[]): StoredKeys => ({
  own: keys.map(sealedValue),
  otherKeyId: undefined,
});
const empty = storedUnder();

type Said = Pick<NodeReport, 'node' | 'keyCheck' | 'masterKey'>;
const holds = (node: number, { check }: Candidate, masterKey: Said['masterKey'] = 'unproved') => ({
  ...{ node, keyCheck: check, masterKey },
});
const ofEarlierRelease = (node: number): Said => ({ node, keyCheck: null, masterKey: null });

/** Returns the verdict of node 3 of three on its own key. */
const judge = (own: Candidate, stored: StoredKeys, others: readonly Said[] = [], more = {}) => {
  const witnesses: Witnesses = {
    ...{ node: 3, nodeCount: 3, storedKeys: async () => stored, others: () => others, ...more },
  };
  return judgeKey('kms.json', own, witnesses);
};

describe('the master key of a node that remembers no check value', () => {
  it.each<[string, Candidate, StoredKeys, readonly Said[], object]>([
    ['a stored value opens with it', right, storedUnder(right), [], { is: 'proved' }],
    [
      'one of five stored values opens with it, and the others are damaged',
      ...[right, storedUnder(wrong, wrong, wrong, wrong, right), [], { is: 'proved' }],
    ],
    [
      'it has opened a value before, though no sampled value opens with it',
      ...[{ ...right, hasOpened: true }, storedUnder(wrong), [], { is: 'proved' }],
    ],
    [
      'no value is stored and a majority has the same key',
      ...[right, empty, [holds(1, right), holds(2, wrong)], { is: 'proved' }],
    ],
    [
      'no sampled value opens with it, but a majority of the nodes is sure of the same key',
      ...[right, storedUnder(wrong), [holds(1, right, 'usable')], { is: 'proved' }],
    ],
  ] as [string, Candidate, StoredKeys, Said[], object][])(
    'is accepted if %s',
    async (_, own, stored, others, verdict) => {
      expect(await judge(own, stored, others)).toEqual(verdict);
    },
  );

  it.each<[string, StoredKeys, readonly Said[], string]>([
    [
      'none of the stored values opens with it',
      storedUnder(right, right),
      [],
      "kms.json has the id of the vault's master key, but does not open 2 stored values",
    ],
    [
      'the stored values name another key',
      { own: [], otherKeyId: 'k2' },
      [],
      "kms.json holds another master key than this vault's, whose values name the key k2",
    ],
    [
      'no value is stored and a majority has another key',
      empty,
      [holds(2, right), holds(1, right)],
      'kms.json holds another master key than node 1 and node 2, under one id: put back a copy of theirs',
    ],
    [
      'a stored value opens with it, but a majority of the nodes has another key',
      storedUnder(wrong, right),
      [holds(1, right), holds(2, right)],
      'kms.json holds another master key than node 1 and node 2, under one id: put back a copy of theirs',
    ],
    [
      'none of the stored values opens with it, even if another node holds it too',
      storedUnder(right),
      [holds(1, wrong)],
      "kms.json has the id of the vault's master key, but does not open the only stored value",
    ],
  ])('is refused if %s', async (_, stored, others, why) => {
    expect(await judge(wrong, stored, others)).toEqual({ is: 'incorrect', why });
  });

  it.each<[string, Candidate, StoredKeys, readonly Said[], string]>([
    ['nothing is stored', right, empty, [holds(1, wrong)], 'node 1 and node 3'],
    [
      'a stored value opens with this key',
      right,
      storedUnder(right),
      [holds(2, wrong)],
      'node 2 and node 3',
    ],
    [
      'the third node has a third key',
      ...[right, empty, [holds(2, third), holds(1, wrong)], 'node 1 and node 2 and node 3'],
    ],
  ] as [string, Candidate, StoredKeys, Said[], string][])(
    'is contested, and all nodes with a key are named, if another node holds another key and %s',
    async (_, own, stored, others, nodes) => {
      expect(await judge(own, stored, others)).toEqual({
        is: 'contested',
        why: `${nodes} hold different master keys under one id, and nothing tells which is the vault's: put back copies of the right one`,
      });
    },
  );

  it.each<[string, readonly Said[], object]>([
    ['no other node was heard', [], {}],
    ['the other nodes run a release that reports no check value', [1, 2].map(ofEarlierRelease), {}],
    ['it is the only node', [], { nodeCount: 1 }],
    ['too few other nodes hold the same key', [holds(1, right)], { nodeCount: 5 }],
  ])('may be used without a proof if no value is stored and %s', async (_, others, more) => {
    expect(await judge(right, empty, others, more)).toEqual({ is: 'open' });
  });

  it('cannot be judged while the stored values cannot be read', async () => {
    const storedKeys = () => Promise.reject(new Error('no majority'));
    await expect(judge(right, empty, [], { storedKeys })).rejects.toThrow('no majority');
  });
});
