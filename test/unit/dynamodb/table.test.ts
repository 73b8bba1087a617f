import {
  DescribeTableCommand,
  DescribeTimeToLiveCommand,
  DynamoDBClient,
} from '@aws-sdk/client-dynamodb';
import { describe, expect, it } from '@jest/globals';
import { createDynamodbTable } from '../../../functions/dynamodb/dynamodb-table.ts';

const on = { TimeToLiveStatus: 'ENABLED', AttributeName: 'expiresAt' };

const problemsOf = (Replicas: readonly object[], TimeToLiveDescription: object | undefined) => {
  const send = async (command: unknown) => {
    if (command instanceof DescribeTableCommand) return { Table: { Replicas } };
    if (command instanceof DescribeTimeToLiveCommand) return { TimeToLiveDescription };
    throw new Error('no other call is expected');
  };
  const client = Object.assign(new DynamoDBClient({ region: 'us-east-1' }), { send });
  return createDynamodbTable(client, 'vault').findProblems();
};

describe('the problems of a DynamoDB table', () => {
  it('include the Regions to which it is replicated', async () => {
    expect(await problemsOf([{ RegionName: 'eu-west-1' }], on)).toEqual([
      'the table is replicated to eu-west-1, where the last writer wins',
    ]);
  });

  it.each([
    ['is absent, as after a restore', undefined, 1],
    ['is off', { TimeToLiveStatus: 'DISABLED', AttributeName: 'expiresAt' }, 1],
    ['reads another attribute', { TimeToLiveStatus: 'ENABLED', AttributeName: 'validTo' }, 1],
    ['is on', on, 0],
    ['is being turned on', { TimeToLiveStatus: 'ENABLING', AttributeName: 'expiresAt' }, 0],
  ] as const)(
    'say whether expired records are kept, if its time to live %s',
    async (_, found, count) => {
      const problem = 'the table keeps expired records: turn on its time to live for expiresAt';
      expect(await problemsOf([], found)).toEqual(Array(count).fill(problem));
    },
  );
});
