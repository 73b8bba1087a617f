/**
 * Makes the ports of a vault that send their calls through any exchange. The adapters and AWS
 * clients are the real ones, and only their connection is replaced.
 */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { KMSClient } from '@aws-sdk/client-kms';
import { createDynamodbItems } from '../../../functions/dynamodb/dynamodb-items.ts';
import { createDataKeys } from '../../../functions/kms/data-keys.ts';
import { createKmsKey } from '../../../functions/kms/kms-key.ts';
import type { Ports } from '../../../functions/vault/request.ts';
import { type Embedded, storeOver, tableName } from '../embedded.ts';
import { vaultId } from '../requests.ts';
import type { VirtualClock } from '../virtual-clock.ts';
import { aborted, type Pause } from './fates.ts';
import { type Exchange, handlerOver, toEndpoint } from './wire.ts';

type Credentials = { readonly accessKeyId: string; readonly secretAccessKey: string };

export const portsOver = (
  exchange: Exchange,
  masterKeyId: string,
  credentials: Credentials = { accessKeyId: 'none', secretAccessKey: 'none' },
): Ports => {
  const requestHandler = handlerOver(exchange);
  const client = { region: 'us-east-1', credentials, maxAttempts: 1, requestHandler };
  return {
    vaultId,
    // The front of a node accepts only an IP address as the host.
    store: storeOver(
      createDynamodbItems(
        new DynamoDBClient({ ...client, endpoint: 'http://127.0.0.1' }),
        tableName,
      ),
    ),
    dataKeys: createDataKeys(createKmsKey(new KMSClient(client), masterKeyId)),
  };
};

/**
 * Sends calls directly to the embedded DynamoDB and KMS, and makes ports that put anything else in
 * between.
 */
export type Wired = {
  /** Sends a call unchanged to its embedded service. */
  readonly forward: Exchange;
  readonly portsBehind: (exchange: Exchange) => Ports;
  /** Resolves once no call to a service is in progress. */
  readonly idle: () => Promise<void>;
};

export const wireUp = async ({ dynamodb, kms, keyArn }: Embedded): Promise<Wired> => {
  const [store, keys] = await Promise.all([addressOf(dynamodb()), addressOf(kms)]);
  const credentials = await kms.config.credentials();
  const underWay = new Set<Promise<unknown>>();
  return {
    forward: async (call, signal) => {
      const sent = (call.service === 'kms' ? keys : store)(call, signal);
      underWay.add(sent);
      try {
        return await sent;
      } finally {
        underWay.delete(sent);
      }
    },
    idle: async () => {
      while (underWay.size > 0) await Promise.allSettled(underWay);
    },
    portsBehind: (exchange) => portsOver(exchange, keyArn, credentials),
  };
};

const addressOf = async (client: DynamoDBClient | KMSClient): Promise<Exchange> => {
  const { protocol, hostname, port } = (await client.config.endpoint?.()) ?? {};
  return toEndpoint(`${protocol}//${hostname}:${port}`);
};

/**
 * Returns a `pause` that advances a virtual clock, but not while a call to a real service is in
 * progress, because real time does not count. A pause without a signal belongs to an effect that
 * nobody waits for, and ends only at `release`.
 */
export const pauseOn = (
  clock: VirtualClock,
  { idle }: Pick<Wired, 'idle'>,
): { readonly pause: Pause; readonly release: () => void } => {
  const waiting: (() => void)[] = [];
  return {
    pause: async (ms, signal) => {
      if (signal === undefined) return await new Promise((resolve) => waiting.push(resolve));
      for (let left = ms; left > 0; left -= 50) {
        await new Promise(setImmediate);
        await idle();
        clock.advance(Math.min(left, 50));
        if (signal.aborted) throw aborted();
      }
    },
    release: () => {
      for (const wake of waiting.splice(0)) wake();
    },
  };
};
