/** Guards of a node's place among the others: what it may begin with, whom it believes, and when it stops. */
import type { Mutant } from './mutant.ts';

const local = (name: string): string => `local/replica/${name}.ts`;
const snapshots = 'contract/replica-snapshot';

export const joiningMutants: readonly Mutant[] = [
  {
    name: 'a store follows the log of another cluster',
    file: local('replica'),
    from: 'if (cluster !== undefined && cluster !== clusterId) {',
    to: "if (cluster !== undefined && clusterId === '') {",
    test: snapshots,
    sentence: 'the log of another cluster, and one that ends before it',
  },
  {
    name: 'a store follows a log that ends before it',
    file: local('replica'),
    from: 'end.revision < position.revision',
    to: 'end.revision < 0',
    test: snapshots,
    sentence: 'the log of another cluster, and one that ends before it',
  },
  {
    name: 'a snapshot is taken that another node contradicts',
    file: local('snapshot'),
    from: 'if (isConfirmed === false) throw',
    to: 'if (isConfirmed === false && at.revision < 0) throw',
    test: snapshots,
    sentence: 'that does not reach back to the log, is cut off or is not confirmed is not taken',
  },
  {
    name: 'a snapshot is taken that ends before the log begins',
    file: local('snapshot'),
    from: 'if (at.revision + 1 < revision) throw',
    to: 'if (at.revision + 1 < revision - at.revision - revision) throw',
    test: snapshots,
    sentence: 'that does not reach back to the log, is cut off or is not confirmed is not taken',
  },
  {
    name: 'a node begins with files that are not its latest',
    file: local('joining'),
    from: 'if (lost !== undefined) return { begin: true, lost };',
    to: 'if (lost !== undefined && !hasMemberFiles) return { begin: true, lost };',
    test: 'unit/replica/joining',
    sentence: 'begins anew if another one remembers more of the log',
  },
  {
    name: 'a node without files begins a log of its own',
    file: local('joining'),
    from: 'if (missing.length === 0) return',
    to: 'if (missing.length < config.nodes.length) return',
    test: 'unit/replica/joining',
    sentence: 'waits for all, and says for whom',
  },
  {
    name: 'a node with another store joins',
    file: local('joining'),
    from: 'find(({ store }) => store !== options.store)',
    to: "find(({ store }) => store === '')",
    test: 'unit/replica/joining',
    sentence: 'a node with another store than the others is refused in a sentence',
  },
  {
    name: 'the port between nodes asks nobody for the secret',
    file: local('peers'),
    from: 'if (!timingSafeEqual(said, expected)) return',
    to: 'if (!timingSafeEqual(said, expected) && route === undefined) return',
    test: 'unit/replica/peers',
    sentence: 'asks nothing of a node for who says another secret',
  },
  {
    name: 'a node that differs from the majority goes on',
    file: local('exchange'),
    from: 'if (same.length + 1 > config.nodes.length / 2) return;',
    to: 'if (same.length + 1 > 0) return;',
    test: 'unit/replica/exchange',
    sentence: 'from two that are equal stops; they go on',
  },
  {
    name: 'a node that differs serves again',
    file: local('condition'),
    from: "if (state === 'diverged' || (next",
    to: 'if ((next',
    test: 'unit/replica/condition',
    sentence: 'that it has diverged stays, whatever comes',
  },
  {
    name: 'the log forgets what a node has yet to apply',
    file: local('compaction'),
    from: 'Math.min(revision - kept, ...applied())',
    to: 'Math.min(revision - kept, ...applied().slice(0, 0))',
    test: 'unit/replica/compaction',
    sentence: 'keeps what a node that was heard lately has not applied',
  },
];
