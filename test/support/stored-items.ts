/** The table as somebody sees it who can write to it without the vault. */
import {
  type AttributeValue,
  DeleteItemCommand,
  PutItemCommand,
  paginateScan,
} from '@aws-sdk/client-dynamodb';
import { type Embedded, tableName } from './embedded.ts';

export type Item = Readonly<Record<string, AttributeValue>>;
export type Table = {
  readonly put: (item: Item) => Promise<unknown>;
  readonly remove: (item: Item) => Promise<unknown>;
  /** All items of a tenant, in the order of their keys. */
  readonly itemsOf: (tenant: string) => Promise<readonly Item[]>;
};

/** `TableName`: another table than the vault's. */
export const openTable = (vault: Embedded, TableName = tableName): Table => ({
  put: (item) => vault.dynamodb.send(new PutItemCommand({ TableName, Item: { ...item } })),
  remove: ({ pk = { S: '' }, sk = { S: '' } }) =>
    vault.dynamodb.send(new DeleteItemCommand({ TableName, Key: { pk, sk } })),
  itemsOf: async (tenant) => {
    const items: Item[] = [];
    for await (const { Items } of paginateScan({ client: vault.dynamodb }, { TableName })) {
      items.push(...(Items ?? []).filter(({ pk }) => pk?.S?.startsWith(`TENANT#${tenant}#`)));
    }
    const keyOf = ({ pk, sk }: Item) => `${pk?.S} ${sk?.S}`;
    return items.sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
  },
});
