/**
 * The table that the vault needs, for hosts that make it themselves. On AWS, template.yaml makes
 * it; a test compares the two.
 */
import type { CreateTableCommandInput } from '@aws-sdk/client-dynamodb';

/** The table in the format of `CreateTable`, without a name, and the attribute of its TTL. */
export type TableDefinition = {
  readonly create: Omit<CreateTableCommandInput, 'TableName'>;
  readonly timeToLiveAttribute: string;
};

export const tableDefinition: TableDefinition = {
  create: {
    BillingMode: 'PAY_PER_REQUEST',
    DeletionProtectionEnabled: true,
    AttributeDefinitions: [
      { AttributeName: 'pk', AttributeType: 'S' },
      { AttributeName: 'sk', AttributeType: 'S' },
      { AttributeName: 'tenant', AttributeType: 'S' },
      { AttributeName: 'name', AttributeType: 'S' },
    ],
    KeySchema: [
      { AttributeName: 'pk', KeyType: 'HASH' },
      { AttributeName: 'sk', KeyType: 'RANGE' },
    ],
    GlobalSecondaryIndexes: [
      {
        IndexName: 'byTenant',
        KeySchema: [
          { AttributeName: 'tenant', KeyType: 'HASH' },
          { AttributeName: 'name', KeyType: 'RANGE' },
        ],
        Projection: { ProjectionType: 'KEYS_ONLY' },
      },
    ],
  },
  timeToLiveAttribute: 'expiresAt',
};
