/** Tables for requests to a front over etcd. */
const keySchemaOf = ([hash = '', range]: readonly string[]) => [
  { AttributeName: hash, KeyType: 'HASH' as const },
  ...(range === undefined ? [] : [{ AttributeName: range, KeyType: 'RANGE' as const }]),
];

/** The body of a CreateTable with these key attributes, and an index of the keys with those of `byOwner`. */
export const tableOf = (
  TableName: string,
  keys: readonly string[] = ['pk', 'sk'],
  byOwner: readonly string[] = [],
) => ({
  TableName,
  BillingMode: 'PAY_PER_REQUEST' as const,
  AttributeDefinitions: [...new Set([...keys, ...byOwner])].map((AttributeName) => ({
    AttributeName,
    AttributeType: 'S' as const,
  })),
  KeySchema: keySchemaOf(keys),
  ...(byOwner.length > 0 && {
    GlobalSecondaryIndexes: [
      {
        IndexName: 'byOwner',
        KeySchema: keySchemaOf(byOwner),
        Projection: { ProjectionType: 'KEYS_ONLY' as const },
      },
    ],
  }),
});
