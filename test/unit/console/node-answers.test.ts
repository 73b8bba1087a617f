import { describe, expect, it } from '@jest/globals';
import { type NodeAnswer, nodeChanges } from '../../../cli/console/page-documents.ts';
import {
  isPossible,
  keyGone,
  mergeAnswers,
  sentencesOf,
} from '../../../console/page/node-answers.ts';

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
  store: { reachable: true, latencyMs: 8 },
  masterKey: { reachable: true, id: 'k' },
  ...more,
});

/** The answer of a node that has heard of these. */
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
const told = (answers: readonly NodeAnswer[], processes?: Parameters<typeof mergeAnswers>[1]) =>
  sentencesOf(answers, mergeAnswers(answers, processes)).join(' ');
const processOf = (node: number, state: string, isolated = false) => ({
  nodes: [1, 2, 3].map((one) =>
    one === node
      ? { node, alive: false, state, isolated }
      : { node: one, alive: true, state: 'serving', isolated: false },
  ),
});

describe('the sentence about the nodes', () => {
  it('says that all serve and agree', () => {
    const answers = [1, 2, 3].map((node) => answer(node, three));
    expect(told(answers)).toBe('3 of 3 nodes serve, all copies agree.');
  });

  it('names a node that is killed, and says that the vault goes on', () => {
    const heard = [report(1), report(2, { alive: false }), report(3)];
    const answers = [answer(1, heard), silent(2), answer(3, heard)];
    expect(told(answers)).toBe(
      '2 of 3 nodes serve (node 2: no answer), all copies agree. The vault goes on, and nothing that it acknowledged is lost.',
    );
    expect(told(answers, processOf(2, 'killed'))).toContain('(node 2: killed)');
    expect(told(answers, processOf(2, 'silent'))).toContain('(node 2: no answer)');
  });

  it('says that the vault refuses requests without a majority', () => {
    const alone = report(3, { state: 'no-majority' });
    expect(told([silent(1), silent(2), answer(3, [report(1), report(2), alone])])).toBe(
      '0 of 3 nodes serve (node 1: no answer, node 2: no answer, node 3: no majority), all copies agree. That is no majority, so the vault refuses reads and writes until two nodes serve.',
    );
    expect(told([silent(1)])).toBe('No node of the vault answers.');
    const refusal = { code: 'unauthenticated', detail: 'the token has expired' };
    expect(told([{ ...silent(1), refusal }])).toBe('the token has expired');
  });

  it('warns of copies that differ, a master key that cannot be used, and policies that differ', () => {
    const differing = answer(1, three, { node: { node: 1, nodes: three, equal: false } });
    expect(told([differing])).toContain('THE COPIES DO NOT AGREE');
    const keyless = answer(2, three, { masterKey: { reachable: false, id: null } });
    expect(told([answer(1, three), keyless])).toContain(
      'Values can be neither read nor written at node 2, which cannot use the master key.',
    );
    expect(told([keyless, keyless])).toContain(keyGone);
    const policy = { source: 'file', digest: 'a', since: 'x', fault: null } as const;
    const one = answer(1, three, { policy });
    const other = answer(2, three, { policy: { ...policy, digest: 'b', fault: 'line 3: bad' } });
    expect(told([one, one])).not.toContain('policy');
    expect(told([one, other])).toContain('A newer access policy is not used: line 3: bad');
    expect(told([one, other])).toContain('The nodes do not have the same access policy.');
  });

  it('counts the nodes that open values, and says why another does not', () => {
    const lost = report(3, { masterKey: 'missing' });
    const older = report(3, { masterKey: null });
    expect(told([answer(1, three)])).not.toContain('master key');
    expect(told([answer(1, [report(1), report(2), older])])).not.toContain('master key');
    expect(told([answer(1, [report(1), report(2), lost])])).toContain(
      '2 of 3 nodes open values: the master key is not usable at node 3: missing.',
    );
  });

  it('names the nodes whose etcd may answer stale reads', () => {
    const old = { etcd: '3.4.23', mayReadStale: true };
    expect(told([answer(1, [report(1, old), report(2), report(3, old)])])).toMatch(
      / etcd 3\.4\.23 of node 1, etcd 3\.4\.23 of node 3: known to answer stale reads after a pause/,
    );
    expect(told([answer(1, three)])).not.toContain('stale');
  });

  it('warns of a certificate that ends within 30 days', () => {
    const certificateEndsAt = new Date(Date.now() + 29 * 86_400_000).toISOString();
    expect(told([answer(1, [report(1), report(2, { certificateEndsAt }), report(3)])])).toContain(
      `The certificate ends of node 2 at ${certificateEndsAt}: npm run cluster -- init FOLDER --renew`,
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
  it('believes each node about itself, so that a node that is cut off does not hide the others', () => {
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

  it('shows for a silent node what a serving node has heard of it', () => {
    const cutOff = report(2, { state: 'no-majority' });
    const stale = [report(1, { appliedRevision: 10 }), cutOff, report(3)];
    const heard = [report(1, { alive: false, appliedRevision: 90 }), report(2), report(3)];
    const { nodes } = mergeAnswers([silent(1), answer(2, stale), answer(3, heard)]);
    expect(nodes[0]?.report?.appliedRevision).toBe(90);
    expect(nodes[0]).toMatchObject({ isServing: false, state: 'no answer', status: undefined });
  });

  it('shows nodes to start from their processes when no node answers', () => {
    const answers = [1, 2, 3].map(silent);
    const killed = { node: 1, alive: false, state: 'killed', isolated: false };
    const processes = { nodes: [killed, { ...killed, node: 2 }, { ...killed, node: 3 }] };
    const vault = mergeAnswers(answers, processes);
    expect(vault.nodes.map(({ node, state, lag }) => [node, state, lag])).toEqual(
      [1, 2, 3].map((node) => [node, 'killed', undefined]),
    );
    expect(vault.nodes.filter(({ isServing }) => isServing)).toEqual([]);
    expect(sentencesOf(answers, vault)).toEqual(['No node of the vault answers.']);
  });

  it('shows all nodes from the answer of one, if the others have no address here', () => {
    const heard = [report(1), report(2), report(3, { alive: false })];
    const { nodes } = mergeAnswers([answer(1, heard)]);
    expect(nodes.map(({ isServing }) => isServing)).toEqual([true, true, false]);
  });
});

describe('the changes of a node', () => {
  it.each([
    ['running', ['kill', 'pause', 'isolate', 'wipe']],
    ['killed', ['start', 'isolate', 'wipe']],
    ['paused', ['kill', 'resume', 'isolate', 'wipe']],
  ])('fit the state of a node that is %s', (state, offered) => {
    const processes = processOf(2, state);
    expect(nodeChanges.filter((change) => isPossible(change, 2, processes))).toEqual(offered);
  });

  it('include heal only for a node that is cut off, and no change of a node whose process was not seen yet', () => {
    expect(isPossible('heal', 2, processOf(2, 'no-majority', true))).toBe(true);
    expect(isPossible('isolate', 2, processOf(2, 'no-majority', true))).toBe(false);
    expect(nodeChanges.some((change) => isPossible(change, 2, undefined))).toBe(false);
  });
});
