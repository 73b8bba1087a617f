import { describe, expect, it } from '@jest/globals';
import {
  areEqual,
  type Digest,
  type NodeReport,
  parseReport,
  shownOf,
} from '../../../../host/node/report.ts';
import { reportOf } from '../../../support/nodes.ts';

const digestOf = (more: Partial<Digest> = {}): Digest => ({
  revision: 9,
  compactRevision: 4,
  hash: '0000beef',
  ...more,
});
const withDigest = (node: number, more: Partial<Digest>, rest: Partial<NodeReport> = {}) =>
  reportOf(node, { digest: digestOf(more), ...rest });

describe('the reports shown to people', () => {
  it('are in the order of the nodes and show the lag behind the furthest node', () => {
    const reports = [
      reportOf(3, { appliedRevision: 7 }),
      reportOf(1, { appliedRevision: 10 }),
      reportOf(2),
    ];
    expect(shownOf(reports).map(({ node, lag }) => [node, lag])).toEqual([
      [1, 0],
      [2, 10],
      [3, 3],
    ]);
  });

  it('mark the nodes whose etcd may answer stale reads', () => {
    const reports = ['3.4.23', '3.7.3', null].map((etcd, index) => reportOf(index + 1, { etcd }));
    expect(shownOf(reports).map(({ mayReadStale }) => mayReadStale)).toEqual([true, false, false]);
  });

  it('omit what only nodes need', () => {
    const [shown] = shownOf([reportOf(1, { heard: { '2': { start: 1, counter: 2 } } })]);
    expect(
      Object.keys(shown ?? {})
        .sort()
        .join(' '),
    ).toBe(
      'alive appliedRevision certificateEndsAt comparedAt digest etcd lag leader masterKey mayReadStale node reason space start state',
    );
  });
});

describe('areEqual', () => {
  const first = withDigest(1, {});

  it('accepts nodes whose hashes over the same revisions are equal', () => {
    expect(areEqual([first, withDigest(2, {}), reportOf(3)])).toBe(true);
  });

  it('rejects nodes whose hashes over the same revisions differ', () => {
    expect(areEqual([first, reportOf(2), withDigest(3, { hash: '00000007' })])).toBe(false);
  });

  it('rejects nodes if one of them has diverged', () => {
    expect(areEqual([first, reportOf(2, { state: 'diverged' })])).toBe(false);
  });

  it.each([
    ['revisions', withDigest(2, { hash: '00000007', revision: 8 })],
    ['compactions', withDigest(2, { hash: '00000007', compactRevision: 5 })],
    ['minor versions of etcd', withDigest(2, { hash: '00000007' }, { etcd: '3.5.26' })],
  ])(
    'accepts nodes whose hashes are of different %s, because such hashes cannot be compared',
    (_, second) => {
      expect(areEqual([first, second])).toBe(true);
    },
  );
});

it.each(['migrating', 'defragmenting'])(
  'parseReport accepts the report of another release, with unknown fields and the unknown state %s',
  (state) => {
    const other = { ...reportOf(1), state, reason: 'it moves', zone: 'a' };
    expect(parseReport(JSON.stringify(other))).toEqual({
      ...reportOf(1),
      state: 'waiting',
      reason: 'it moves',
    });
  },
);

it('parseReport refuses a malformed report', () => {
  expect(parseReport(JSON.stringify(reportOf(1)))).toEqual(reportOf(1));
  expect(() => parseReport('{"node":1}')).toThrow();
});
