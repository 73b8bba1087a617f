/** The nodes with one of their guards taken out, and the run of chaos that must notice. */

type Edit = {
  readonly file: string;
  /** Stands in the file exactly once. */
  readonly find: string;
  readonly replace: string;
};

export type Mutant = {
  readonly name: string;
  readonly edits: readonly Edit[];
  /** The options of the run. */
  readonly run: string;
  /** The run must end with a failure that says this. */
  readonly noticedAs: RegExp;
};

const history = /not linearizable/;
const withoutFaults = '--operations 1000 --faults 0 --kinds ,';

export const mutants: readonly Mutant[] = [
  {
    name: 'a read is served by one member of etcd without asking the others',
    edits: [
      {
        file: 'local/etcd/etcd.proto',
        find: '  int64 limit = 3;',
        replace: '  int64 limit = 3;\n  bool serializable = 7;',
      },
      {
        file: 'local/etcd/read-group.ts',
        find: 'const reply = queue.add(ranges, deadline);',
        replace: `const serializable = ranges.map((range) => ({ ...range, serializable: true }));
    const reply = queue.add(serializable, deadline);`,
      },
    ],
    run: '--operations 2500 --faults 15 --kinds cut-peers,cut-mute',
    noticedAs: history,
  },
  {
    name: 'a read is answered with the copies that the front saw earlier',
    edits: [
      {
        file: 'local/etcd/transactions.ts',
        find: `  const replies = await etcd.read(`,
        replace: `  const kept = keys.flatMap((key) => seenItems.find(key) ?? []);
  if (kept.length === keys.length) return kept;
  const replies = await etcd.read(`,
      },
    ],
    run: withoutFaults,
    noticedAs: history,
  },
  {
    name: 'conditions are dropped',
    edits: [
      {
        file: 'local/etcd/transactions.ts',
        find: 'if (condition === undefined || holds(condition, item))',
        replace: 'if (condition === undefined || holds(condition, item) || seen.length > 0)',
      },
    ],
    run: withoutFaults,
    noticedAs: history,
  },
  {
    name: 'a write compares no revisions',
    edits: [
      {
        file: 'local/etcd/transactions.ts',
        find: 'compare: keys.map((key, index) => compareOf(key, seen[index] ?? absent)),',
        replace: 'compare: keys.slice(keys.length).map((key) => compareOf(key, absent)),',
      },
    ],
    run: withoutFaults,
    noticedAs: history,
  },
];
