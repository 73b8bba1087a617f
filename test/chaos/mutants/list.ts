/** The replica with one of its guards taken out, and the run of chaos that must notice. */

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
const divergence = /is diverged|node \d diverged|the tables differ/;

export const mutants: readonly Mutant[] = [
  {
    name: 'a read does not wait for a barrier',
    file: 'local/replica/front.ts',
    find: 'barrier().then(() => store.send(operation, text)),',
    replace: 'Promise.resolve(barrier).then(() => store.send(operation, text)),',
    run: '--operations 2500 --faults 15 --kinds cut-peers,pause-store,pause-etcd',
    noticedAs: history,
  },
  {
    name: 'the position is moved in a call of its own',
    file: 'local/replica/sending.ts',
    find: "const reply = await store.call('TransactWriteItems', { TransactItems: actions });",
    replace: `const moved = { TransactItems: actions.slice(-1) };
        const own = { TransactItems: actions.slice(0, -1) };
        const first =
          actions.length > 1 ? await store.call('TransactWriteItems', own) : undefined;
        const isDone = first === undefined || first.status === 200;
        const reply = isDone ? await store.call('TransactWriteItems', moved) : first;`,
    run: '--operations 3000 --faults 25 --kinds kill-store,kill-node',
    noticedAs: divergence,
  },
  {
    name: 'receipts are ignored',
    file: 'local/replica/receipts.ts',
    find: 'const receipt = token && receipts.get(token.value);',
    replace: "const receipt = token && receipts.get('');",
    run: '--operations 1000 --faults 0 --kinds ,',
    noticedAs: /mark .* was made once and counts 2/,
  },
  {
    name: 'receipts are forgotten at a start',
    file: 'local/replica/bookkeeping.ts',
    find: 'receipts: new Map(stored),',
    replace: 'receipts: new Map(stored.slice(stored.length)),',
    run: '--operations 2000 --faults 15 --kinds kill-node,kill-front',
    noticedAs: divergence,
  },
  {
    name: 'conditions are dropped',
    file: 'local/replica/write.ts',
    find: "if (operation === 'TransactWriteItems') return body['TransactItems'] as readonly Action[];",
    replace: `if (operation === 'TransactWriteItems') {
    return (body['TransactItems'] as readonly Action[]).map((action) => {
      const { Put: put } = action;
      return put ? { Put: { TableName: put['TableName'], Item: put['Item'] } } : action;
    });
  }`,
    run: '--operations 1000 --faults 0 --kinds ,',
    noticedAs: history,
  },
];
