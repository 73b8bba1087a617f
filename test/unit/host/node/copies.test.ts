import { describe, expect, it } from '@jest/globals';
import { createCopies } from '../../../../host/node/copies.ts';
import { askOf, reportOf } from '../../../support/nodes.ts';

/** Node 1 of three. The others have applied revision 9 and hold equal data. */
const start = ({ known = 9, isAlive = true } = {}) => {
  const asked: number[] = [];
  const copies = createCopies({
    etcd: { range: async () => ({ kvs: [], more: false }) },
    ask: askOf((node, _, body) => {
      asked.push(node);
      const { revision } = JSON.parse(body);
      return JSON.stringify({ revision, compactRevision: 0, hash: 7, etcd: '3.7.3' });
    }),
    others: [2, 3],
    hashing: { now: () => Promise.reject(new Error('its etcd has ended')) },
    known: { value: () => known },
    exchange: {
      committed: () => new Map(),
      others: () => [
        reportOf(2, { appliedRevision: 9 }),
        reportOf(3, { appliedRevision: 9, alive: isAlive }),
      ],
    },
  });
  return { copies, asked };
};

describe('the data of the other nodes', () => {
  it('agree with each other if they are equal at the latest revision that this node knows', async () => {
    expect(await start().copies.doOthersAgree(9)).toBe(true);
  });

  it('do not agree if they lack a revision that this node has answered with, even if its own files lack it too', async () => {
    expect(await start({ known: 10 }).copies.doOthersAgree(9)).toBe(false);
  });

  it('do not agree while one node is silent, which is then not asked', async () => {
    const { copies, asked } = start({ isAlive: false });
    expect(await copies.doOthersAgree(9)).toBe(false);
    expect(asked).not.toContain(3);
  });
});
