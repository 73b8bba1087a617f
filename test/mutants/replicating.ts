/** Guards of the replica that a test without a whole cluster can hold; what only chaos finds is in `test/chaos/mutants`. */
import type { Mutant } from './mutant.ts';

const local = (name: string): string => `local/replica/${name}.ts`;
const crashes = 'contract/replica-crashes';
const front = 'contract/replica-front';

const readingMutants: readonly Mutant[] = [
  {
    name: 'a read joins a barrier that was sent before it came',
    file: local('barrier'),
    from: 'next ??= underWay.then(sendOne);',
    to: 'next ??= underWay.then(() => undefined);',
    test: 'unit/replica/barrier',
    sentence: 'that was sent before a read arrived is never used by it',
  },
  {
    name: 'a barrier does not wait until its revision is applied',
    file: local('barrier'),
    from: 'return end.then(untilApplied);',
    to: 'return end.then((revision) => void untilApplied(revision));',
    test: 'unit/replica/barrier',
    sentence: 'waits until what the log held is applied',
  },
  {
    name: 'a read takes no barrier',
    file: local('front'),
    from: 'barrier().then(() => store.send(operation, text)),',
    to: 'Promise.resolve(barrier).then(() => store.send(operation, text)),',
    test: front,
    sentence: 'nothing is read without a majority, and again with one',
  },
  {
    name: 'a node serves though it should not',
    file: local('front'),
    from: 'if (closed !== undefined) return',
    to: "if (closed === '') return",
    test: front,
    sentence: 'a node that does not serve says why, and appends nothing',
  },
  {
    name: 'an append without an answer was surely not made',
    file: local('front'),
    from: '(isNotAppended(error) ?',
    to: '(isNotAppended(error) || error !== undefined ?',
    test: front,
    sentence: 'a write whose reply is lost is answered by its outcome',
  },
  {
    name: 'a write that a busy log does not take is unclear',
    file: local('front'),
    from: '(isNotAppended(error) ?',
    to: '(isNotAppended(error) && body === undefined ?',
    test: front,
    sentence: 'a write that a busy log does not take was surely not made',
  },
];

const applyingMutants: readonly Mutant[] = [
  {
    name: 'a batch may hold an item twice',
    file: local('batch'),
    from: 'if (items === undefined || items.some((item) => taken.has(item))) break;',
    to: 'if (items === undefined) break;',
    test: 'unit/replica/batch',
    sentence: 'ends before an item that is taken, by whatever action',
  },
  {
    name: 'a batch may hold a token twice',
    file: local('batch'),
    from: '...(write.token ? [`token ${write.token.value}`] : []),',
    to: '...(write.token ? [] : []),',
    test: 'unit/replica/batch',
    sentence: 'ends before a token that it has',
  },
  {
    name: 'what shares a transaction with a refused write is refused with it',
    file: local('apply'),
    from: 'for (const [write, verdict] of judged) settled.set(write, verdict);',
    to: `for (const [, verdict] of judged) {
        for (const { writes } of run) for (const write of writes) settled.set(write, verdict);
      }`,
    test: 'property/replica/batches',
    sentence: 'have the outcomes, and leave the items, that they have one by one',
  },
  {
    name: 'the digest does not stand for outcomes',
    file: local('plan'),
    from: "settled.get(write)?.code ?? 'applied'",
    to: "settled.has(write) ? 'applied' : 'applied'",
    test: crashes,
    sentence: 'has another digest than one whose store gave an entry another outcome',
  },
  {
    name: 'a refusal of a second run is taken for the outcome of the first',
    file: local('sending'),
    from: 'if (isAnswer && !hasMoved && tries === 1) return reply;',
    to: 'if (isAnswer && (!hasMoved || tries >= 1)) return reply;',
    test: crashes,
    sentence: 'takes no refusal of a second run for the outcome of the first',
  },
  {
    name: 'a store that throttles has refused',
    file: local('sending'),
    from: 'reply.status === 400 && !isPassing(reply)',
    to: 'reply.status === 400 || isPassing(reply)',
    test: crashes,
    sentence: 'takes no error that passes for an outcome',
  },
  {
    name: 'a position moves from wherever it stands',
    file: local('bookkeeping'),
    from: "ConditionExpression: 'revision = :from',",
    to: "ConditionExpression: 'revision = :from OR revision <> :from',",
    test: 'unit/replica/bookkeeping',
    sentence: 'moves from where it stands, and from nowhere else',
  },
  {
    name: 'a token has an effect each time',
    file: local('receipts'),
    from: 'const receipt = token && receipts.get(token.value);',
    to: "const receipt = token && receipts.get('');",
    test: front,
    sentence: 'lets a request have its effect once, and succeed as often as it comes',
  },
  {
    name: 'a token is good for any request',
    file: local('receipts'),
    from: 'if (receipt.request === token.request)',
    to: "if (receipt.request !== '')",
    test: front,
    sentence: 'is a mistake on another request, which has no effect',
  },
  {
    name: 'a refused request uses its token up',
    file: local('apply'),
    from: 'if (!done && write.token) rememberReceipt',
    to: 'if (write.token) rememberReceipt',
    test: front,
    sentence: 'of a refused request is free: the request is evaluated anew',
  },
  {
    name: 'receipts are forgotten at a start',
    file: local('bookkeeping'),
    from: 'receipts: new Map(stored),',
    to: 'receipts: new Map(stored.slice(stored.length)),',
    test: crashes,
    sentence: 'knows its receipts again after a start',
  },
];

/** Of several writes in one entry. */
const togetherMutants: readonly Mutant[] = [
  {
    name: 'a key that has two spellings shares an entry',
    file: local('batch'),
    from: 'return /^(0|-?[1-9]\\d{0,36})$/.test(number);',
    to: "return number !== '';",
    test: 'unit/replica/batch',
    sentence: 'has an entry alone that has a key that can be spelled in other ways',
  },
  {
    name: 'the first token of an entry alone has a receipt',
    file: local('plan'),
    from: '[writeReceipts(revision, tokens)]',
    to: '[writeReceipts(revision, tokens.slice(0, 1))]',
    test: 'contract/replica-entries',
    sentence: 'knows the receipts of all its tokens again after a start',
  },
  {
    name: 'a write that the store refuses for what it is takes its entry with it',
    file: local('sending'),
    from: 'if (settled.size > before) return;',
    to: 'if (settled.size < before) return;',
    test: 'contract/replica-entries',
    sentence: 'has those refused that the store refuses for what they are, and the others applied',
  },
  {
    name: 'the try of a part of an entry takes effect',
    file: local('bookkeeping'),
    from: "ConditionExpression: 'attribute_not_exists(pk)',\n  },\n};",
    to: "ConditionExpression: 'attribute_exists(pk)',\n  },\n};",
    test: 'contract/replica-entries',
    sentence: 'has those refused that the store refuses for what they are, and the others applied',
  },
  {
    name: 'an append without an answer holds up all others',
    file: local('appender'),
    from: 'if (underWay === sent) sendNext();\n    };\n    const timer',
    to: 'if (underWay === sent && sent === undefined) sendNext();\n    };\n    const timer',
    test: 'unit/replica/appender',
    sentence: 'wait no longer than 50 ms for an answer that does not come, and are sent once',
  },
];

const refusingMutants: readonly Mutant[] = [
  {
    name: 'an expression that ends the store is let into the log',
    file: local('checks'),
    from: 'if (hasUnsafeText(part)) {',
    to: 'if (hasUnsafeText(part) && isReplicaTable(part)) {',
    test: 'unit/replica/checks',
    sentence: 'refuses a ConditionExpression that is not ASCII, wherever it stands',
  },
  {
    name: 'a transaction leaves no room for the position and the receipt',
    file: local('checks'),
    from: 'const actionsMax = 98;',
    to: 'const actionsMax = 100;',
    test: 'unit/replica/checks',
    sentence: 'takes 1 to 98 actions in a transaction',
  },
  {
    name: 'clients may reach the bookkeeping',
    file: local('checks'),
    from: '(table === replicaTable || table.endsWith(`/${replicaTable}`))',
    to: 'table.endsWith(`//${replicaTable}`)',
    test: 'unit/replica/checks',
    sentence: 'hides the replica',
  },
  {
    name: 'an expired item is deleted though it was written anew',
    file: local('expiry'),
    from: "ConditionExpression: '#expires < :now', ...expired",
    to: "ConditionExpression: '#expires < :now OR #expires >= :now', ...expired",
    test: 'contract/expiry',
    sentence: 'stay if they are written anew after they were seen',
  },
];

export const replicatingMutants: readonly Mutant[] = [
  ...readingMutants,
  ...applyingMutants,
  ...togetherMutants,
  ...refusingMutants,
];
