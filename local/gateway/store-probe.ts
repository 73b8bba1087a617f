/**
 * Whether the vault of this process would serve: its store answers. A node's front answers only while the
 * node serves.
 */
import { DescribeTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { times } from '../../functions/model/limits.ts';
import { clientOptions, trimmed } from '../../functions/runtime/clients.ts';
import { readServicesConfig } from '../../functions/runtime/config.ts';
import { useReadiness } from '../../functions/runtime/readiness.ts';
import type { Clock } from '../../functions/vault/request.ts';
import { endAfter } from '../../functions/vault/retries.ts';
import { createSharedProbe } from '../../functions/vault/shared-probe.ts';

/**
 * Lets `GET /health?ready` ask the store, at most once a second. The environment must name the store, and a transport
 * to it must be set. The master key is not asked: a proxy that took the vault away for it would hide what is wrong.
 */
export const startReadiness = (clock: Pick<Clock, 'elapsed' | 'after'>): void => {
  const { tableName } = readServicesConfig();
  const client = trimmed(new DynamoDBClient(clientOptions()));
  const storeAnswers = async (): Promise<boolean> => {
    const command = new DescribeTableCommand({ TableName: tableName });
    const call = endAfter(clock, times.statusCallMs, (abortSignal) =>
      client.send(command, { abortSignal }),
    );
    return await call.then(
      () => true,
      () => false,
    );
  };
  useReadiness(createSharedProbe(clock, storeAnswers));
};
