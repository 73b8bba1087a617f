/**
 * Fills a store faster than through the vault with exactly the records that the vault would write: sealed by its code
 * under data keys from the embedded KMS's code, and written a hundred at a time without conditions. The records must
 * not exist yet.
 */
import { randomBytes } from 'node:crypto';
import { type AttributeValue, TransactWriteItemsCommand } from '@aws-sdk/client-dynamodb';
import { encodeHead, encodeVersion } from '../../functions/dynamodb/items.ts';
import type { Principal, SealedVersion } from '../../functions/model/types.ts';
import type { DataKey } from '../../functions/vault/ports.ts';
import { sealNext } from '../../functions/vault/sealing.ts';
import { openMasterKey } from '../../local/kms/master-key.ts';
import { masterKeyFile } from '../../local/kms/server.ts';
import { wrap } from '../../local/kms/wrapping.ts';
import { type startUnchecked, tableName } from '../../test/support/embedded.ts';
import { requestContext, vaultId } from '../../test/support/requests.ts';

export type Vault = Awaited<ReturnType<typeof startUnchecked>>;
type Item = Record<string, AttributeValue>;

const itemsAtOnce = 100;
const lanes = 2;
const versionEveryMs = 1_000;

export type Fill = {
  readonly secrets: (names: readonly string[], value: Uint8Array) => Promise<void>;
  /** Writes one secret with this many versions, the first at `from`, each one second after the previous. */
  readonly versions: (
    name: string,
    count: number,
    value: Uint8Array,
    from: number,
  ) => Promise<void>;
};

const chunksOf = <Each>(all: readonly Each[], size: number): Each[][] =>
  Array.from({ length: Math.ceil(all.length / size) }, (_, index) =>
    all.slice(index * size, (index + 1) * size),
  );

export const createFill = ({ folder, dynamodb }: Vault, principal: Principal): Fill => {
  const masterKey = openMasterKey(masterKeyFile(folder));
  const { tenant } = principal;
  const newDataKey = (name: string): DataKey => {
    const plaintext = randomBytes(32);
    const bound = new Map(Object.entries({ vault: vaultId, tenant, name }));
    return { plaintext, wrapped: wrap(masterKey, plaintext, bound), masterKeyId: masterKey.arn };
  };
  const put = async (items: readonly Item[]): Promise<void> => {
    const waiting = chunksOf(items, itemsAtOnce);
    const lane = async () => {
      for (let chunk = waiting.pop(); chunk; chunk = waiting.pop()) {
        const puts = chunk.map((Item) => ({ Put: { TableName: tableName, Item } }));
        await dynamodb.send(new TransactWriteItemsCommand({ TransactItems: puts }));
      }
    };
    await Promise.all(Array.from({ length: lanes }, lane));
  };
  const sealedFirst = (name: string, value: Uint8Array, now?: number): SealedVersion =>
    sealNext(
      { ...requestContext({ ...(now !== undefined && { now }) }), vaultId, principal },
      newDataKey(name),
      { name, base: undefined },
      value,
    );

  return {
    secrets: async (names, value) => {
      for (const chunk of chunksOf(names, 1_000)) {
        await put(chunk.map((name) => encodeHead(sealedFirst(name, value))));
      }
    },
    versions: async (name, count, value, from) => {
      let head = sealedFirst(name, value, from);
      let items: Item[] = [];
      for (let version = 2; version <= count; version += 1) {
        const context = requestContext({ now: from + (version - 1) * versionEveryMs });
        const next = sealNext(
          { ...context, vaultId, principal },
          newDataKey(name),
          { name, base: { ...head, validTo: undefined } },
          value,
        );
        items.push(encodeVersion(head, next.validFrom));
        head = next;
        if (items.length < 1_000) continue;
        await put(items);
        items = [];
      }
      await put([...items, encodeHead(head)]);
    },
  };
};
