import { describe, expect, it } from '@jest/globals';
import { keyGone, mergeAnswers, sentencesOf } from '../../../cli/console/page/node-answers.ts';
import type { NodeAnswer } from '../../../cli/console/page-documents.ts';

type Status = NonNullable<NodeAnswer['status']>;
type Report = NonNullable<Status['node']>['nodes'][number];

const report = (node: number, more: Partial<Report> = {}): Report => ({
  node,
  alive: true,
  state: 'serving',
  reason: null,
  leader: node === 1,
  appliedRevision: 100,
  lag: 0,
  digest: { revision: 100, compactRevision: 1, hash: 'cfe32ae3' },
  comparedAt: null,
  etcd: '3.7.3',
  mayReadStale: false,
  masterKey: 'usable',
  certificateEndsAt: '2036-11-24T12:00:00.000Z',
  space: null,
  start: 1,
  ...more,
});

const status = (more: Partial<Status> = {}): Status => ({
  status: 'ok',
  version: '2.0.0',
  commit: null,
  store: { reachable: true, latencyMs: 8 },
  masterKey: { reachable: true, id: 'k' },
  ...more,
});

/** The answer of a node that has received these reports. */
const answer = (
  node: number,
  nodes: readonly Report[],
  more: Partial<Status> = {},
): NodeAnswer => ({
  addr: `http://127.0.0.1:300${node}`,
  status: status({ node: { node, nodes: [...nodes], equal: true }, ...more }),
  refusal: null,
});
const silent = (node: number): NodeAnswer => ({
  addr: `http://127.0.0.1:300${node}`,
  status: null,
  refusal: { code: 'unreachable', detail: 'cannot reach it' },
});

const three = [report(1), report(2), report(3)];
const told = (answers: readonly NodeAnswer[]) =>
  sentencesOf(answers, mergeAnswers(answers)).join(' ');

describe('the sentence about the nodes', () => {
  it('says that all nodes serve and that their copies agree', () => {
    const answers = [1, 2, 3].map((node) => answer(node, three));
    expect(told(answers)).toBe('3 of 3 nodes serve, all copies agree.');
  });

  it('names a node that does not answer, and says that the vault still serves', () => {
    const heard = [report(1), report(2, { alive: false }), report(3)];
    const answers = [answer(1, heard), silent(2), answer(3, heard)];
    expect(told(answers)).toBe(
      '2 of 3 nodes serve (node 2: no answer), all copies agree. The vault keeps working, and nothing that it acknowledged is lost.',
    );
  });

  it('says that the vault refuses requests without a majority', () => {
    const alone = report(3, { state: 'no-majority' });
    expect(told([silent(1), silent(2), answer(3, [report(1), report(2), alone])])).toBe(
      '0 of 3 nodes serve (node 1: no answer, node 2: no answer, node 3: no majority), all copies agree. That is not a majority, so the vault refuses reads and writes until two nodes serve.',
    );
    const refusal = { code: 'unauthenticated', detail: 'the token has expired' };
    expect(told([{ ...silent(1), refusal }])).toBe('the token has expired');
  });

  it('says that the vault is stopped if nothing answers at any address', () => {
    expect(told([silent(1)])).toBe(
      'The vault at http://127.0.0.1:3001 does not answer: it is stopped, or this machine cannot reach it.',
    );
    expect(told([1, 2, 3].map(silent))).toBe('None of the 3 nodes answers: the vault is stopped.');
    const late = { ...silent(2), refusal: { code: 'timed_out', detail: 'no answer in time' } };
    expect(told([silent(1), late])).toBe('no answer in time');
  });

  it('warns of differing copies, a master key that cannot be used, and differing policies', () => {
    const differing = answer(1, three, { node: { node: 1, nodes: three, equal: false } });
    expect(told([differing])).toContain('THE COPIES DO NOT AGREE');
    const keyless = answer(2, three, { masterKey: { reachable: false, id: null } });
    expect(told([answer(1, three), keyless])).toContain(
      'Values can be neither read nor written on node 2, because the master key cannot be used there.',
    );
    expect(told([keyless, keyless])).toContain(keyGone);
    const policy = { source: 'file', digest: 'a', since: 'x', fault: null } as const;
    const one = answer(1, three, { policy });
    const other = answer(2, three, { policy: { ...policy, digest: 'b', fault: 'line 3: bad' } });
    expect(told([one, one])).not.toContain('policy');
    expect(told([one, other])).toContain('A newer access policy is not used: line 3: bad');
    expect(told([one, other])).toContain('The nodes do not have the same access policy.');
  });

  it('counts the nodes that can open values, and says why another cannot', () => {
    const lost = report(3, { masterKey: 'missing' });
    const older = report(3, { masterKey: null });
    expect(told([answer(1, three)])).not.toContain('master key');
    expect(told([answer(1, [report(1), report(2), older])])).not.toContain('master key');
    expect(told([answer(1, [report(1), report(2), lost])])).toContain(
      '2 of 3 nodes can open values. The master key is not usable on node 3 (missing).',
    );
  });

  it('names each node whose etcd may return stale reads once, with its version', () => {
    const old = { etcd: '3.4.23', mayReadStale: true };
    expect(told([answer(1, [report(1, old), report(2), report(3, old)])])).toMatch(
      / etcd 3\.4\.23 of nodes 1, 3: known to answer stale reads after a pause/,
    );
    expect(told([answer(1, three)])).not.toContain('stale');
  });

  it('warns of a certificate that expires within 30 days', () => {
    const certificateEndsAt = new Date(Date.now() + 29 * 86_400_000).toISOString();
    expect(told([answer(1, [report(1), report(2, { certificateEndsAt }), report(3)])])).toContain(
      `Certificates expire soon: node 2 at ${certificateEndsAt}. Renew them with npm run cluster -- init FOLDER --renew.`,
    );
    expect(told([answer(1, three)])).not.toContain('certificate');
  });

  it('reports the state of the store for a vault without nodes', () => {
    const alone = { addr: 'http://127.0.0.1:3000', status: status(), refusal: null };
    expect(told([alone])).toBe('The vault works: its store answers in 8 ms.');
    const keyless = status({ masterKey: { reachable: false, id: null } });
    expect(told([{ ...alone, status: keyless }])).toBe(keyGone);
    const dead = status({ store: { reachable: false, latencyMs: 0 } });
    expect(told([{ ...alone, status: dead }])).toMatch(/^The store cannot be reached/);
  });
});

describe('mergeAnswers', () => {
  it('takes what each node says about itself, so a node that is cut off does not hide the others', () => {
    const cutOff = report(2, { state: 'no-majority', appliedRevision: 60 });
    const stale = [report(1, { alive: false }), cutOff, report(3, { alive: false })];
    const heard = [report(1), report(2, { alive: false, appliedRevision: 55 }), report(3)];
    const { nodes } = mergeAnswers([answer(2, stale), answer(1, heard), answer(3, heard)]);
    expect(nodes.map(({ state, lag, isServing }) => [state, lag, isServing])).toEqual([
      ['serving', 0, true],
      ['no-majority', 40, false],
      ['serving', 0, true],
    ]);
  });

  it('shows for a silent node what a serving node last heard from it', () => {
    const cutOff = report(2, { state: 'no-majority' });
    const stale = [report(1, { appliedRevision: 10 }), cutOff, report(3)];
    const heard = [report(1, { alive: false, appliedRevision: 90 }), report(2), report(3)];
    const { nodes } = mergeAnswers([silent(1), answer(2, stale), answer(3, heard)]);
    expect(nodes[0]?.report?.appliedRevision).toBe(90);
    expect(nodes[0]).toMatchObject({ isServing: false, state: 'no answer', status: undefined });
  });

  it('shows all nodes from the answer of one if the console has asked no other', () => {
    const heard = [report(1), report(2), report(3, { alive: false })];
    const { nodes } = mergeAnswers([answer(1, heard)]);
    expect(nodes.map(({ isServing }) => isServing)).toEqual([true, true, false]);
  });
});
