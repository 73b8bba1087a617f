import { describe, expect, it, jest } from '@jest/globals';
import type { NodeReport } from '../../../../host/node/report.ts';
import {
  askNode,
  compareNodes,
  type NodeObservation,
  requireWholeCopies,
  tableOf,
} from '../../../../local/cluster/status.ts';
import { askOf, reportOf } from '../../../support/nodes.ts';

const digestOf = (revision: number, hash: string) => ({ revision, compactRevision: -1, hash });

const said = (appliedRevision: number, more: Partial<NodeReport> = {}): NodeReport =>
  reportOf(1, {
    appliedRevision,
    digest: digestOf(appliedRevision, `${appliedRevision}`.padStart(8, '0')),
    etcd: '3.7.3',
    masterKey: 'usable',
    ...more,
  });
const seen = (node: number, answer: NodeObservation['answer'], more = {}): NodeObservation => ({
  node,
  isolated: false,
  process: 'running',
  answer,
  ...more,
});

describe('wiping a node', () => {
  const wiped = (...others: readonly NodeObservation[]) => {
    const status = compareNodes([...others, seen(3, undefined)]);
    return () => requireWholeCopies(status, 3);
  };

  it('is allowed while both other nodes serve, even if the node itself does not answer', () => {
    expect(wiped(seen(1, said(5)), seen(2, said(5)))).not.toThrow();
  });

  it.each([
    ['is dead', seen(2, undefined, { process: 'killed' }), 'only one other node serves'],
    ['catches up', seen(2, said(4, { state: 'catching-up' })), 'only one other node serves'],
    ['was cut off just now', seen(2, said(5), { isolated: true }), 'only one other node serves'],
  ])('is refused while another node %s', (_, other, why) => {
    expect(wiped(seen(1, said(5)), other)).toThrow(
      `node 3 keeps its data, because two whole copies must stay and ${why}: start or heal the other nodes first`,
    );
  });

  it('is refused while no other node serves', () => {
    const diverged = said(5, { state: 'diverged' });
    expect(wiped(seen(1, diverged), seen(2, diverged))).toThrow('no other node serves');
  });
});

describe('the status of a cluster', () => {
  it('shows how far each node is behind the furthest one', () => {
    const { nodes, equal } = compareNodes([
      seen(1, said(90)),
      seen(2, said(100, { leader: true })),
      seen(3, said(95)),
    ]);
    expect(nodes.map(({ lag }) => lag)).toEqual([10, 0, 5]);
    expect(nodes.map(({ leader }) => leader)).toEqual([false, true, false]);
    expect(equal).toBe(true);
  });

  it('says why a node does not answer, without its last known data', () => {
    const { nodes } = compareNodes([
      seen(1, undefined, { process: 'killed' }),
      seen(2, undefined),
      seen(3, said(5), { isolated: true }),
    ]);
    expect(nodes[0]).toEqual({
      node: 1,
      alive: false,
      leader: false,
      appliedRevision: null,
      lag: null,
      digest: null,
      state: 'killed',
      isolated: false,
      reason: null,
      etcd: null,
      mayReadStale: false,
      masterKey: null,
      certificateEndsAt: null,
    });
    expect(nodes[1]).toMatchObject({ alive: false, state: 'silent' });
    expect(nodes[2]).toMatchObject({ alive: true, lag: 0, state: 'serving', isolated: true });
  });

  it('says that the copies differ if two nodes have different digests at the same revision', () => {
    const other = said(7, { digest: digestOf(7, 'ffffffff') });
    expect(compareNodes([seen(1, said(7)), seen(2, said(8)), seen(3, other)]).equal).toBe(false);
    expect(compareNodes([seen(1, said(7)), seen(2, undefined)]).equal).toBe(true);
  });

  it('is printed as a table, with the reasons and the result below', () => {
    const status = compareNodes([
      seen(1, said(1234, { leader: true })),
      seen(
        2,
        said(1230, { state: 'no-majority', reason: 'it hears no majority', masterKey: 'disabled' }),
        {
          isolated: true,
        },
      ),
      seen(3, undefined, { process: 'killed' }),
    ]);
    expect(tableOf(status).split('\n')).toEqual([
      'node  alive  state        peers      leader  applied  lag  digest    key',
      '1     yes    serving      connected  yes     1234     0    00001234  usable',
      '2     yes    no-majority  cut off    no      1230     4    00001230  disabled',
      '3     no     killed       connected  no      -        -    -         -',
      'node 2: it hears no majority',
      'the digests at equal revisions are equal',
    ]);
    expect(tableOf({ ...status, equal: false })).toMatch(/DIFFER/);
  });

  it('marks the nodes whose etcd may return stale reads, and names each such release once with its nodes', () => {
    const status = compareNodes([
      seen(1, said(7, { etcd: '3.4.23' })),
      seen(2, said(7, { etcd: '3.4.23' })),
      seen(3, said(7, { etcd: '3.6.8' })),
      seen(4, said(7)),
    ]);
    const marks = status.nodes.map(({ mayReadStale }) => mayReadStale);
    expect(marks).toEqual([true, true, true, false]);
    expect(tableOf(status).split('\n').slice(-2)).toEqual([
      'etcd 3.4.23 of nodes 1, 2; etcd 3.6.8 of node 3: known to answer stale reads after a pause (docs/runbook.md names later releases)',
      'the digests at equal revisions are equal',
    ]);
  });

  it('warns of a certificate from 30 days before its end, with the date and how to renew it', () => {
    const now = Date.parse('2036-10-25T12:00:00.000Z');
    jest.spyOn(Date, 'now').mockReturnValue(now);
    const [soon, later] = ['2036-11-24T11:59:59.000Z', '2036-11-24T12:00:00.000Z'];
    const status = compareNodes([
      seen(1, said(7, { certificateEndsAt: soon })),
      seen(2, said(7, { certificateEndsAt: later })),
      seen(3, undefined),
    ]);
    expect(status.nodes.map((node) => node.certificateEndsAt)).toEqual([soon, later, null]);
    expect(tableOf(status).split('\n').slice(-2)).toEqual([
      `certificates expire soon: node 1 at ${soon}: npm run cluster -- init FOLDER --renew issues a new one ` +
        '(docs/deploy/machines.md); npm run cluster makes its own at its next start',
      'the digests at equal revisions are equal',
    ]);
    jest.restoreAllMocks();
  });
});

describe('askNode', () => {
  const report = reportOf(2, { appliedRevision: 3 });

  it.each<[string, string | undefined, NodeReport | undefined]>([
    ['the report of a node', JSON.stringify(report), report],
    ['undefined for a node that gives no answer', undefined, undefined],
    ['undefined for an answer in another form', '{"leader":true}', undefined],
    ['undefined for an answer that is not JSON', '{"leader"', undefined],
  ])('returns %s', async (_, answer, expected) => {
    const ask = askOf((node, path) => (node === 2 && path === '/status' ? answer : undefined));
    expect(await askNode(ask, 2)).toEqual(expected);
  });
});
