/** The vault's ports over an exchange: the real adapters and AWS clients without their connection. */
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
    // The front of a node accepts only an IP address as host.
    store: storeOver(
      createDynamodbItems(
        new DynamoDBClient({ ...client, endpoint: 'http://127.0.0.1' }),
        tableName,
      ),
    ),
    dataKeys: createDataKeys(createKmsKey(new KMSClient(client), masterKeyId)),
  };
};

/** The path to the embedded services, and a vault that uses any other path to them. */
export type Wired = {
  /** Sends each call unchanged to its embedded service. */
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
 * Advances a virtual clock during a pause, but not while other calls wait for a real service, whose time does not
 * count. Late effects, which nobody waits for, wait until `release`.
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
