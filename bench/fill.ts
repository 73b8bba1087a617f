/**
 * Fills a store faster than through the vault with exactly the items that the vault would write: sealed by its code
 * under data keys from the embedded KMS's code, and written a hundred at a time without conditions. The items must not
 * exist yet.
 */
import { randomBytes } from 'node:crypto';
import {
  type AttributeValue,
  type DynamoDBClient,
  TransactWriteItemsCommand,
} from '@aws-sdk/client-dynamodb';
import { encodeHead, encodeVersion } from '../functions/dynamodb/items.ts';
import type { Head, Principal, SealedVersion } from '../functions/model/types.ts';
import type { DataKey } from '../functions/vault/ports.ts';
import { sealNext } from '../functions/vault/sealing.ts';
import { followMasterKey, identityIn, masterKeyFile } from '../local/kms/key-file.ts';
import { wrap } from '../local/kms/wrapping.ts';
import { requestContext } from '../test/support/requests.ts';

/** A vault whose store is filled. */
export type Filled = {
  /** The folder of `kms.json`. */
  readonly folder: string;
  readonly dynamodb: DynamoDBClient;
  readonly vaultId: string;
  readonly tableName: string;
};
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
  /** Writes these secrets with this many versions each, in one transaction: at most a hundred items in all. */
  readonly together: (
    names: readonly string[],
    count: number,
    newValue: () => Uint8Array,
    from: number,
  ) => Promise<void>;
};

const chunksOf = <Each>(all: readonly Each[], size: number): Each[][] =>
  Array.from({ length: Math.ceil(all.length / size) }, (_, index) =>
    all.slice(index * size, (index + 1) * size),
  );

export const createFill = (
  { folder, dynamodb, vaultId, tableName }: Filled,
  principal: Principal,
): Fill => {
  const file = masterKeyFile(folder, {});
  const masterKey = followMasterKey(file, identityIn(file));
  const { tenant } = principal;
  const newDataKey = (name: string): DataKey => {
    const plaintext = randomBytes(32);
    const bound = new Map(Object.entries({ vault: vaultId, tenant, name }));
    return {
      plaintext,
      wrapped: wrap(masterKey.read(), plaintext, bound),
      masterKeyId: masterKey.arn,
    };
  };
  const putTogether = async (items: readonly Item[]): Promise<void> => {
    const puts = items.map((Item) => ({ Put: { TableName: tableName, Item } }));
    await dynamodb.send(new TransactWriteItemsCommand({ TransactItems: puts }));
  };
  const put = async (items: readonly Item[]): Promise<void> => {
    const waiting = chunksOf(items, itemsAtOnce);
    const lane = async () => {
      for (let chunk = waiting.pop(); chunk; chunk = waiting.pop()) await putTogether(chunk);
    };
    await Promise.all(Array.from({ length: lanes }, lane));
  };
  const sealed = (
    name: string,
    base: SealedVersion | undefined,
    value: Uint8Array,
    now?: number,
  ): SealedVersion =>
    sealNext(
      { ...requestContext({ ...(now !== undefined && { now }) }), vaultId, principal },
      newDataKey(name),
      { name, base: base && ({ ...base, validTo: undefined } satisfies Head) },
      value,
    );
  /** The items of one secret, a superseded version after the other, and the head last. */
  function* historyOf(
    name: string,
    count: number,
    newValue: () => Uint8Array,
    from: number,
  ): Generator<Item> {
    let head = sealed(name, undefined, newValue(), from);
    for (let version = 2; version <= count; version += 1) {
      const next = sealed(name, head, newValue(), from + (version - 1) * versionEveryMs);
      yield encodeVersion(head, next.validFrom);
      head = next;
    }
    yield encodeHead(head);
  }

  return {
    secrets: async (names, value) => {
      for (const chunk of chunksOf(names, 1_000)) {
        await put(chunk.map((name) => encodeHead(sealed(name, undefined, value))));
      }
    },
    versions: async (name, count, value, from) => {
      let items: Item[] = [];
      for (const item of historyOf(name, count, () => value, from)) {
        items.push(item);
        if (items.length < 1_000) continue;
        await put(items);
        items = [];
      }
      await put(items);
    },
    together: (names, count, newValue, from) =>
      putTogether(names.flatMap((name) => [...historyOf(name, count, newValue, from)])),
  };
};
