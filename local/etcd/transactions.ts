/**
 * DynamoDB's reads and conditional writes as calls to etcd.
 *
 * A write is one transaction of etcd. The transaction compares the revision of every item that the write puts, deletes or
 * checks with the revision by which the write was judged. If all are equal, the items and their entries change. If not,
 * the reply shows what is stored, and the write is judged again by that. So existence and versions are decided by etcd alone, and all
 * reasons of a cancelled transaction come from one snapshot.
 */

import type { Item, Reason } from './dynamodb-protocol.ts';
import { hasRevision, type Operation, type RangeReply } from './etcd-client.ts';
import { type Condition, holds } from './expressions.ts';
import type { Etcd } from './group-commit.ts';
import { absent, type ItemCopies, type ItemCopy } from './item-copies.ts';
import { changedEntries, type Table } from './table-keys.ts';

/** One action on one item. */
export type Action = {
  readonly kind: 'Put' | 'Delete' | 'ConditionCheck';
  readonly table: Table;
  /** The item's key in etcd. */
  readonly key: string;
  /** The item to put; absent for the other kinds. */
  readonly item?: Item;
  readonly condition: Condition | undefined;
  /** Whether a failed condition shows the stored item. */
  readonly showsItem: boolean;
};

/** The result of a write: the stored items before it, or one reason for each action if it was refused. */
export type Outcome =
  | { readonly outcome: 'applied'; readonly before: readonly ItemCopy<Item>[] }
  | { readonly outcome: 'refused'; readonly reasons: readonly Reason[] };

const copyIn = (reply: RangeReply | undefined): ItemCopy<Item> => {
  const stored = reply?.kvs[0];
  if (stored === undefined) return absent;
  const { value, mod_revision: revision } = stored;
  return { item: JSON.parse(value.toString('utf8')), revision, bytes: value.length };
};

/** The items at `keys` as of one revision, none older than the call. */
export const readItems = async (
  etcd: Etcd,
  copies: ItemCopies<Item>,
  keys: readonly string[],
  deadline: number,
): Promise<readonly ItemCopy<Item>[]> => {
  const replies = await etcd.read(
    keys.map((key) => ({ key: Buffer.from(key) })),
    deadline,
  );
  return keys.map((key, index) => {
    const copy = copyIn(replies[index]);
    copies.keep(key, copy);
    return copy;
  });
};

/** Applies all actions or none. Their keys must differ. Rejects as a write of `Etcd` does. */
export const writeItems = async (
  etcd: Etcd,
  copies: ItemCopies<Item>,
  actions: readonly Action[],
  deadline: number,
): Promise<Outcome> => {
  const keys = actions.map(({ key }) => key);
  // The first judgement is a guess: it may permit a try, which the compares decide, and refuses nothing.
  let basis: readonly ItemCopy<Item>[] = keys.map((key) => copies.find(key) ?? absent);
  let isGuess = true;
  for (;;) {
    const reasons = reasonsOf(actions, basis);
    if (reasons !== undefined && !isGuess) return { outcome: 'refused', reasons };
    if (reasons !== undefined) {
      basis = await readItems(etcd, copies, keys, deadline);
      isGuess = false;
      continue;
    }
    const reply = await etcd.write(
      {
        compare: keys.map((key, index) =>
          hasRevision(Buffer.from(key), (basis[index] ?? absent).revision),
        ),
        success: actions.flatMap((action, index) => operationsOf(action, basis[index]?.item)),
        failure: keys.map((key) => ({ request_range: { key: Buffer.from(key) } })),
      },
      deadline,
    );
    if (reply.succeeded) {
      for (const { kind, key, item } of actions) {
        if (kind === 'ConditionCheck') continue;
        const bytes = item === undefined ? 0 : JSON.stringify(item).length;
        copies.keep(key, { item, revision: reply.revision, bytes });
      }
      return { outcome: 'applied', before: basis };
    }
    basis = keys.map((_, index) => copyIn(reply.responses[index]?.response_range));
    isGuess = false;
    for (const [index, key] of keys.entries()) copies.keep(key, basis[index] ?? absent);
  }
};

/** One reason for each action, if a condition of one does not hold. */
const reasonsOf = (
  actions: readonly Action[],
  basis: readonly ItemCopy<Item>[],
): readonly Reason[] | undefined => {
  const reasons = actions.map(({ condition, showsItem }, index): Reason => {
    const item = basis[index]?.item;
    if (condition === undefined || holds(condition, item)) return { Code: 'None' };
    const Message = 'The conditional request failed';
    const shown = showsItem && item !== undefined ? { Item: item } : {};
    return { Code: 'ConditionalCheckFailed', Message, ...shown };
  });
  return reasons.some(({ Code }) => Code !== 'None') ? reasons : undefined;
};

const put = (key: string, value: string): Operation => ({
  request_put: { key: Buffer.from(key), value: Buffer.from(value) },
});
const remove = (key: string): Operation => ({
  request_delete_range: { key: Buffer.from(key) },
});

/** The operations that change the stored item `before` and its entries into those of the action. */
const operationsOf = (
  { kind, table, key, item }: Action,
  before: Item | undefined,
): readonly Operation[] => {
  if (kind === 'ConditionCheck') return [];
  const { puts, removes } = changedEntries(table, before, item);
  return [
    item === undefined ? remove(key) : put(key, JSON.stringify(item)),
    ...puts.map(([at, json]) => put(at, json)),
    ...removes.map(([at]) => remove(at)),
  ];
};
