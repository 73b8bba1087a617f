/** The table, as somebody sees it who can read and write it without the vault. */
import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import type { TestStore } from './test-store.ts';

export type Item = Readonly<Record<string, AttributeValue>>;
export type Table = {
  readonly put: (item: Item) => Promise<unknown>;
  readonly remove: (item: Item) => Promise<unknown>;
  /** Returns all items of a tenant, in the order of their keys. */
  readonly itemsOf: (tenant: string) => Promise<readonly Item[]>;
};

export const openTable = (store: Pick<TestStore, 'raw' | 'table'>): Table => ({
  put: (item) => store.raw.put({ ...item }),
  remove: (item) => store.raw.remove({ ...item }),
  itemsOf: async (tenant) => {
    const items: Item[] = [];
    for await (const page of store.table.pages()) {
      items.push(...page.filter(({ pk }) => pk?.S?.startsWith(`TENANT#${tenant}#`)));
    }
    const keyOf = ({ pk, sk }: Item) => `${pk?.S} ${sk?.S}`;
    return items.sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
  },
});
