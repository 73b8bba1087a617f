/**
 * The floor below each operation: the same AWS calls in the same order and with the same concurrency, made through the
 * same SDK on items of the same size, without HTTP, token, cryptography, log line or check of the results.
 */
import { randomBytes } from 'node:crypto';
import {
  type AttributeValue,
  type DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
  TransactGetItemsCommand,
  TransactWriteItemsCommand,
} from '@aws-sdk/client-dynamodb';
import { DecryptCommand, GenerateDataKeyCommand, type KMSClient } from '@aws-sdk/client-kms';
import type { Task } from './load.ts';
import {
  fileNames,
  listedSecrets,
  listedVersions,
  newPrefix,
  type Operation,
  type Preparer,
  readSecrets,
  times,
} from './operations.ts';

type Item = Record<string, AttributeValue>;

export type FloorParts = {
  readonly dynamodb: DynamoDBClient;
  readonly kms: KMSClient;
  readonly vaultId: string;
  readonly tableName: string;
  readonly masterKeyId: string;
};

const tenant = 'floor';
/** The number of concurrent data key requests, as in the vault. */
const keysAtOnce = 16;
const capacity = { ReturnConsumedCapacity: 'TOTAL' } as const;
const ifAbsent = {
  ConditionExpression: 'attribute_not_exists(pk)',
  ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
} as const;
const ifExact = {
  ConditionExpression: 'version = :version AND writeId = :writeId',
  ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
} as const;

const keyOf = (name: string, sk: string): Item => ({
  pk: { S: `TENANT#${tenant}#SECRET#${name}` },
  sk: { S: sk },
});
const writeId = randomBytes(16).toString('base64url');

/** The item that the vault stores for a version with a value of 256 bytes. */
const sealedOf = (version: number, masterKeyId: string, wrappedDataKey: Uint8Array): Item => ({
  format: { S: 'v1' },
  version: { N: String(version) },
  validFrom: { S: '2026-01-01T00:00:00.000Z' },
  iv: { B: randomBytes(12) },
  ciphertext: { B: randomBytes(256 + 16) },
  commitment: { B: randomBytes(32) },
  wrappedDataKey: { B: wrappedDataKey },
  masterKeyId: { S: masterKeyId },
  writeId: { S: writeId },
  createdBy: { S: 'bench' },
});

const inLanes = async <Result>(count: number, call: () => Promise<Result>): Promise<void> => {
  let left = count;
  const lane = async () => {
    while (left > 0) {
      left -= 1;
      await call();
    }
  };
  await Promise.all(Array.from({ length: keysAtOnce }, lane));
};

export const prepareFloor = async (parts: FloorParts): Promise<Preparer> => {
  const { dynamodb, kms, vaultId, tableName: TableName, masterKeyId: KeyId } = parts;
  const EncryptionContext = { vault: vaultId, tenant, name: 'NAME' };
  const generate = () =>
    kms.send(new GenerateDataKeyCommand({ KeyId, KeySpec: 'AES_256', EncryptionContext }));
  const { CiphertextBlob: wrapped = new Uint8Array() } = await generate();
  const decrypt = () =>
    kms.send(new DecryptCommand({ KeyId, CiphertextBlob: wrapped, EncryptionContext }));
  const item = sealedOf(1, KeyId, wrapped);
  const headOf = (name: string, sealed: Item): Item => ({
    ...keyOf(name, 'HEAD'),
    tenant: { S: tenant },
    name: { S: name },
    ...sealed,
  });
  const get = (name: string, sk: string) =>
    dynamodb.send(
      new GetItemCommand({ TableName, Key: keyOf(name, sk), ConsistentRead: true, ...capacity }),
    );
  const create = (name: string) =>
    dynamodb.send(
      new PutItemCommand({ TableName, Item: headOf(name, item), ...ifAbsent, ...capacity }),
    );
  const createAll = (names: readonly string[]) => {
    const TransactItems = names.map((name) => ({
      Put: { TableName, Item: headOf(name, item), ...ifAbsent },
    }));
    return dynamodb.send(new TransactWriteItemsCommand({ TransactItems, ...capacity }));
  };
  const update = (name: string, version: number) => {
    const old = { ...keyOf(name, versionKey(version)), validTo: { S: '2026-01-01' }, ...item };
    const next = { ...item, version: { N: String(version + 1) } };
    const values = { ':version': { N: String(version) }, ':writeId': { S: writeId } };
    const head = { ...ifExact, ExpressionAttributeValues: values };
    const TransactItems = [
      { Put: { TableName, Item: headOf(name, next), ...head } },
      { Put: { TableName, Item: old, ...ifAbsent } },
    ];
    return dynamodb.send(new TransactWriteItemsCommand({ TransactItems, ...capacity }));
  };
  const list = (name: string) =>
    dynamodb.send(
      new QueryCommand({
        TableName,
        KeyConditionExpression: 'pk = :pk AND sk BETWEEN :from AND :to',
        ExpressionAttributeValues: {
          ':pk': keyOf(name, '')['pk'] ?? { S: '' },
          ':from': { S: versionKey(0) },
          ':to': { S: versionKey(9_999_999_999) },
        },
        ScanIndexForward: false,
        ConsistentRead: true,
        ...capacity,
      }),
    );

  const namesOf = (prefix: string, count: number) => times(count, (index) => `${prefix}_${index}`);
  /** Makes this many secrets with this many versions each. */
  const makeSecrets = async (names: readonly string[], versions: number) => {
    await createAll(names);
    for (const name of names) {
      for (let version = 1; version < versions; version += 1) await update(name, version);
    }
  };
  const reading = async (
    count: number,
    versions: number,
    read: (name: string) => Promise<unknown>,
  ): Promise<Task> => {
    const names = namesOf(newPrefix('P'), count);
    await makeSecrets(names, versions);
    let turn = 0;
    return () => {
      turn += 1;
      return read(names[turn % names.length] ?? '');
    };
  };

  const tasks: Record<Operation, (clients: number) => Promise<Task>> = {
    create: async () => async () => {
      await generate();
      await create(newPrefix('C'));
    },
    update: async (clients) => {
      const names = namesOf(newPrefix('U'), clients);
      await makeSecrets(names, 1);
      const versions = names.map(() => 0);
      return async (client) => {
        const [name = '', version = 0] = [names[client], versions[client]];
        await Promise.all([get(name, 'HEAD'), generate()]);
        versions[client] = version + 1;
        await update(name, version + 1);
      };
    },
    get: () =>
      reading(readSecrets, 1, async (name) => {
        await get(name, 'HEAD');
        await decrypt();
      }),
    version: () =>
      reading(readSecrets, 2, async (name) => {
        // Read the head, the version and the next one, which ends its interval.
        await Promise.all(['HEAD', versionKey(1), versionKey(2)].map((sk) => get(name, sk)));
        await decrypt();
      }),
    versions: () =>
      reading(listedSecrets, listedVersions, async (name) => {
        await get(name, 'HEAD');
        await list(name);
      }),
    encrypt: async () => async () => {
      await inLanes(fileNames, generate);
      await createAll(namesOf(newPrefix('E'), fileNames));
    },
    expand: async () => {
      const names = namesOf(newPrefix('X'), fileNames);
      await makeSecrets(names, 1);
      const TransactItems = names.map((name) => ({ Get: { TableName, Key: keyOf(name, 'HEAD') } }));
      return async () => {
        await dynamodb.send(new TransactGetItemsCommand({ TransactItems, ...capacity }));
        await inLanes(fileNames, decrypt);
      };
    },
  };
  return (operation, clients) => tasks[operation](clients);
};

const versionKey = (version: number): string => `VERSION#${String(version).padStart(10, '0')}`;
