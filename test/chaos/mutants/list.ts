/** The nodes with one of their guards taken out, and the run of chaos that must notice. */

export type Mutant = {
  readonly name: string;
  readonly file: string;
  /** Stands in the file exactly once. */
  readonly find: string;
  readonly replace: string;
  /** The options of the run. */
  readonly run: string;
  /** What the run must find: a failure that says so. */
  readonly noticedAs: RegExp;
};

const history = /not linearizable/;
const calm = '--operations 1000 --faults 0 --kinds ,';

export const mutants: readonly Mutant[] = [
  {
    name: 'a read asks only its own member of etcd',
    file: 'local/etcd/client.ts',
    find: '            method.requestSerialize,',
    replace: `            // Field 7 of a RangeRequest is "serializable"; 1 is true.
            (message: object) =>
              name === 'Range'
                ? Buffer.concat([method.requestSerialize(message), Buffer.of(7 << 3, 1)])
                : method.requestSerialize(message),`,
    run: '--operations 2500 --faults 15 --kinds cut-peers,cut-mute,pause-etcd',
    noticedAs: history,
  },
  {
    name: 'a read joins a call that was sent before it',
    file: 'local/etcd/read-group.ts',
    find: '  return (ranges, deadline) => {\n    const reply = queue.add(ranges, deadline);\n    pump();\n    return reply;\n  };',
    replace: `  const sent = new Map<string, ReturnType<Read>>();
  return (ranges, deadline) => {
    const text = ranges.map(({ key }) => key.toString('latin1')).join();
    const joined = sent.get(text);
    if (joined !== undefined) return joined;
    const reply = queue.add(ranges, deadline);
    sent.set(text, reply);
    const forget = () => void sent.delete(text);
    reply.then(forget, forget);
    pump();
    return reply;
  };`,
    run: calm,
    noticedAs: history,
  },
  {
    name: 'conditions are dropped',
    file: 'local/etcd/transactions.ts',
    find: 'if (condition === undefined || holds(condition, item))',
    replace: 'if (condition === undefined || holds(condition, item) || seen.length > 0)',
    run: calm,
    noticedAs: history,
  },
  {
    name: 'a write compares no revisions',
    file: 'local/etcd/transactions.ts',
    find: 'compare: keys.map((key, index) => compareOf(key, seen[index] ?? absent)),',
    replace: 'compare: keys.slice(keys.length).map((key) => compareOf(key, absent)),',
    run: calm,
    noticedAs: history,
  },
  {
    name: 'a copy that was seen earlier refuses a write',
    file: 'local/etcd/transactions.ts',
    find: 'if (reasons !== undefined && !isGuess)',
    replace: 'if (reasons !== undefined && (!isGuess || reasons.length > 0))',
    run: calm,
    noticedAs: history,
  },
];
