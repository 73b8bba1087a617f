/** The whole table of the vault in etcd, as the tools of an operator use it. */
import { jsonOf } from '../../functions/store/item-json.ts';
import type { Item, ItemKey } from '../../functions/store/items.ts';
import type { Guard, Judged, Table } from '../../functions/store/ports.ts';
import type { EtcdClient } from './etcd-client.ts';
import { createEtcdItems } from './etcd-items.ts';
import { createEtcd } from './group-commit.ts';
import { readItemAt, readPages } from './snapshot.ts';

/** Makes one write. Throws what the store says, and `NotSent` if the write has no effect. */
type WriteItems = (guards: readonly Guard[]) => Promise<'written' | readonly Judged[]>;

type Writes = {
  readonly write: WriteItems;
  /** Makes a write that may be repeated. */
  readonly writeAgain?: WriteItems;
};

/**
 * The table over a connection to etcd, which `close` ends. All reads are of etcd; the given functions make all writes. Each
 * page is as it is when it is read.
 */
export const createEtcdTable = (
  client: EtcdClient,
  { write, writeAgain = write }: Writes,
): Table => {
  const itemsOf = createEtcdItems(
    createEtcd({
      client,
      onGoneBack: (sentence) => {
        throw new Error(sentence);
      },
    }),
  );
  return {
    itemsOf: (context) => ({ ...itemsOf(context), write }),
    pages: (pk) => readPages(client.range, { pk }),
    get: (key) => readItemAt(client.range, key),
    putAbsent: async (items) => {
      for (const group of groupsOf(items)) {
        const others = await putGroup(writeAgain, group);
        if (others.length > 0) return others;
      }
      return [];
    },
    findProblems: async () => [],
    close: async () => client.close(),
  };
};

/** As many items go in one write as in one of a backup's restore into DynamoDB. */
const itemsMax = 100;
const textUnitsMax = 2_097_152;

type Entry = { readonly item: Item; readonly key: ItemKey; readonly text: string };

function* groupsOf(items: readonly Item[]): Generator<readonly Entry[]> {
  let group: Entry[] = [];
  let units = 0;
  for (const item of items) {
    const text = jsonOf(item);
    if (group.length === itemsMax || units + text.length > textUnitsMax) {
      yield group;
      [group, units] = [[], 0];
    }
    group.push({ item, key: { pk: item['pk']?.S ?? '', sk: item['sk']?.S ?? '' }, text });
    units += text.length;
  }
  if (group.length > 0) yield group;
}

/** Puts the items in one write, without those that are there already. Returns the keys of other items. */
const putGroup = async (
  write: WriteItems,
  group: readonly Entry[],
): Promise<readonly ItemKey[]> => {
  const judged = await write(
    group.map(({ key, item }) => ({ key, expected: { is: 'absent' }, put: item })),
  );
  if (judged === 'written') return [];
  const textAt = (index: number): string | undefined => {
    const found = judged[index];
    return found?.is === 'failed' && found.item ? jsonOf(found.item) : undefined;
  };
  const others = group.filter(({ text }, index) => (textAt(index) ?? text) !== text);
  if (others.length > 0) return others.map(({ key }) => key);
  const missing = group.filter((_, index) => textAt(index) === undefined);
  return missing.length === 0 ? [] : await putGroup(write, missing);
};
