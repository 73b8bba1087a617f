/**
 * The vault's interpretation of a cancelled transaction, action by action. The embedded store never gives these
 * reasons, because it runs one transaction at a time.
 */

import {
  type CancellationReason,
  ConditionalCheckFailedException,
  type DynamoDBClient,
  TransactionCanceledException,
} from '@aws-sdk/client-dynamodb';
import { describe, expect, it } from '@jest/globals';
import {
  encodeHead,
  encodeRecord,
  type Item,
  recordKey,
} from '../../../functions/dynamodb/items.ts';
import { createWrites } from '../../../functions/dynamodb/store.ts';
import type { SealedVersion, StoredVersion } from '../../../functions/model/types.ts';
import type { Store, Write } from '../../../functions/vault/ports.ts';
import type { RequestContext } from '../../../functions/vault/request.ts';
import { requestContext, someone, vaultId } from '../../support/requests.ts';
import { virtualClock } from '../../support/virtual-clock.ts';

const alice = someone({ tenant: 'acme' });
const version = (
  number: number,
  writeId: string,
  name = 'DB',
): SealedVersion & { validTo: undefined } => ({
  vault: vaultId,
  tenant: 'acme',
  name,
  state: 'stored',
  version: number,
  validFrom: 1_700_000_000_000 + number,
  validTo: undefined,
  iv: new Uint8Array(12),
  ciphertext: new Uint8Array(16),
  commitment: new Uint8Array(32),
  wrappedDataKey: new Uint8Array(60),
  masterKeyId: 'arn:aws:kms:us-east-1:000000000000:key/k',
  writeId,
  createdBy: 'alice',
});
/** The first version of a secret, by this request. */
const first = (name = 'DB') => ({ base: undefined, next: version(1, 'mine', name) });
const held: CancellationReason = { Code: 'None' };
const conflict: CancellationReason = { Code: 'TransactionConflict' };
const failed = (item?: Item): CancellationReason => ({
  Code: 'ConditionalCheckFailed',
  ...(item && { Item: item }),
});

const nothing = async () => undefined;
const tableOf = (client: DynamoDBClient, context: RequestContext) => ({
  client,
  tableName: 'vault',
  vaultId,
  context,
  principal: alice,
});

/** The outcome of one attempt whose transaction is cancelled for these reasons. */
const outcomeOf = async (
  write: Write,
  reasons: CancellationReason[],
  superseded?: StoredVersion,
) => {
  const client = {
    send: async () => {
      const metadata = { $metadata: { httpStatusCode: 400 }, message: 'cancelled' };
      throw new TransactionCanceledException({ ...metadata, CancellationReasons: reasons });
    },
  } as unknown as DynamoDBClient;
  // The next write is still running, so a plain read sees only its head.
  const findVersion: Store['findVersion'] = async (...[, , look]) =>
    look === 'settled' ? superseded : undefined;
  const reads = { findHead: nothing, findVersion, findRecord: nothing };
  const context = requestContext({ writeId: 'mine' });
  return await createWrites(tableOf(client, context), reads).write(write);
};

describe('a cancelled update', () => {
  const base = version(4, 'before');
  const write: Write = { unchanged: [], changes: [{ base, next: version(5, 'mine') }] };

  it('counts as written if the current head is its own', async () => {
    const reasons = [failed(encodeHead(version(5, 'mine'))), failed()];
    expect(await outcomeOf(write, reasons)).toEqual({ outcome: 'written' });
  });

  it('counts as raced if the current head is another’s, which is the next base', async () => {
    const head = version(5, 'other');
    const reasons = [failed(encodeHead(head)), failed()];
    expect(await outcomeOf(write, reasons)).toEqual({ outcome: 'raced', head });
  });

  it('takes its outcome from the version that it would have made if the head has advanced', async () => {
    const reasons = [failed(encodeHead(version(7, 'later'))), failed()];
    const mine = { ...version(5, 'mine'), validTo: 1_800_000_000_000 };
    expect(await outcomeOf(write, reasons, mine)).toEqual({ outcome: 'written' });
    const other = { ...mine, writeId: 'other' };
    expect(await outcomeOf(write, reasons, other)).toMatchObject({ outcome: 'raced' });
    await expect(outcomeOf(write, reasons)).rejects.toMatchObject({ code: 'integrity_failure' });
  });

  it.each([
    ['went back', version(3, 'before')],
    ['is another of the same number', version(4, 'restored')],
  ])(
    'fails with integrity_failure if the head %s, whatever versions are beyond it',
    async (_, head) => {
      const beyond = { ...version(5, 'other'), validTo: 1_800_000_000_000 };
      for (const superseded of [undefined, beyond]) {
        const outcome = outcomeOf(write, [failed(encodeHead(head)), held], superseded);
        await expect(outcome).rejects.toMatchObject({ code: 'integrity_failure' });
      }
    },
  );

  it('fails with integrity_failure if the head is gone', async () => {
    await expect(outcomeOf(write, [failed(), held])).rejects.toMatchObject({
      code: 'integrity_failure',
    });
  });

  it('fails with integrity_failure if only the version item blocked it', async () => {
    await expect(outcomeOf(write, [held, failed()])).rejects.toMatchObject({
      code: 'integrity_failure',
    });
  });

  it('needs a retry if the head met a conflict: it was not evaluated, and may be its own', async () => {
    const again = { outcome: 'refused', reason: 'throttled' };
    expect(await outcomeOf(write, [conflict, failed()])).toEqual(again);
    expect(await outcomeOf(write, [conflict, held])).toEqual(again);
    expect(await outcomeOf(write, [held, { Code: 'ThrottlingError' }])).toEqual(again);
    const exceeded = { Code: 'ProvisionedThroughputExceeded' };
    expect(await outcomeOf(write, [exceeded, held])).toEqual(again);
  });

  it('throws internal if DynamoDB found it malformed', async () => {
    const reasons = [{ Code: 'ValidationError' }, held];
    await expect(outcomeOf(write, reasons)).rejects.toMatchObject({ code: 'internal' });
  });
});

describe('a cancelled write with a record', () => {
  const key = recordKey(alice, 'hash');
  const record = (writeId: string) => ({
    operation: 'create-secret',
    writeId,
    digest: new Uint8Array(32),
    written: [{ name: 'DB', version: 1, validFrom: 1_700_000_000_000 }],
    resolved: [],
    expiresAt: 1_900_000_000_000,
  });
  const write: Write = {
    changes: [first()],
    unchanged: [],
    record: { hash: 'hash', record: record('mine') },
  };

  it('takes its outcome from the record before the head', async () => {
    const stored = failed(encodeHead(version(1, 'other')));
    const replayed = await outcomeOf(write, [failed(encodeRecord(key, record('other'))), stored]);
    expect(replayed).toEqual({ outcome: 'replayed', record: record('other') });
  });

  it('needs a retry if the record met a conflict, whatever the head: the record may be of a concurrent duplicate', async () => {
    const stored = failed(encodeHead(version(1, 'other')));
    const again = { outcome: 'refused', reason: 'throttled' };
    expect(await outcomeOf(write, [conflict, stored])).toEqual(again);
  });

  it('fails with integrity_failure if the blocking record was not returned', async () => {
    await expect(outcomeOf(write, [failed(), held])).rejects.toMatchObject({
      code: 'integrity_failure',
    });
  });

  it('counts as written if the record is its own', async () => {
    const reasons = [failed(encodeRecord(key, record('mine'))), conflict];
    expect(await outcomeOf(write, reasons)).toEqual({ outcome: 'written' });
  });
});

describe('a cancelled write of several secrets', () => {
  const write: Write = {
    changes: [first('A'), first('B')],
    unchanged: [version(3, 'read', 'C')],
  };

  it('counts as raced if any name is another’s, whatever else met a conflict', async () => {
    const head = version(1, 'other', 'B');
    const reasons = [conflict, failed(encodeHead(head)), failed()];
    expect(await outcomeOf(write, reasons)).toEqual({ outcome: 'raced', head });
  });

  it('counts as written if a name carries its own writeId', async () => {
    const reasons = [failed(encodeHead(version(1, 'mine', 'A'))), conflict, failed()];
    expect(await outcomeOf(write, reasons)).toEqual({ outcome: 'written' });
  });

  it('counts as raced if a secret that it read has changed', async () => {
    expect(await outcomeOf(write, [held, held, failed()])).toEqual({ outcome: 'raced' });
  });

  it('needs a retry if a name met a conflict as well, and may be its own', async () => {
    expect(await outcomeOf(write, [conflict, held, failed()])).toEqual({
      outcome: 'refused',
      reason: 'throttled',
    });
  });
});

describe('an attempt', () => {
  const update = { base: version(4, 'before'), next: version(5, 'mine') };
  it.each<[string, Write]>([
    ['a single put', { changes: [first()], unchanged: [] }],
    ['a transaction', { changes: [update], unchanged: [] }],
  ])('ends in time for the look-up that settles it: %s', async (_, write) => {
    const clock = virtualClock();
    const client = { send: async () => ({ ConsumedCapacity: {} }) } as unknown as DynamoDBClient;
    const reads = { findHead: nothing, findVersion: nothing, findRecord: nothing };
    const context = requestContext({ clock });
    clock.advance(7_950);
    expect(await createWrites(tableOf(client, context), reads).write(write)).toEqual({
      outcome: 'written',
    });
    expect(clock.signals).toEqual([1_050]);
  });
});

describe('the look-up of a write that only puts a record', () => {
  const record = {
    operation: 'submit-env',
    writeId: 'mine',
    digest: new Uint8Array(32),
    written: [],
    resolved: [],
    expiresAt: 1_900_000_000_000,
  };
  const lookUp = async (stored: typeof record | undefined) => {
    const reads = { findHead: nothing, findVersion: nothing, findRecord: async () => stored };
    const write = { changes: [], unchanged: [], record: { hash: 'hash', record } };
    const context = requestContext({ writeId: 'mine' });
    const client = {} as unknown as DynamoDBClient;
    return await createWrites(tableOf(client, context), reads).lookUp(write);
  };

  it('tells from the stored record whether the write took effect', async () => {
    const other = { ...record, writeId: 'other' };
    expect(await lookUp(record)).toEqual({ outcome: 'written' });
    expect(await lookUp(other)).toEqual({ outcome: 'replayed', record: other });
    expect(await lookUp(undefined)).toEqual({ outcome: 'unclear' });
  });
});

describe('a single put', () => {
  it('asks for the blocking item in the same request', async () => {
    const sent: object[] = [];
    const client = {
      send: async (command: { readonly input: object }) => {
        sent.push(command.input);
        const metadata = { $metadata: { httpStatusCode: 400 }, message: 'failed' };
        const item = encodeHead(version(1, 'other'));
        throw new ConditionalCheckFailedException({ ...metadata, Item: item });
      },
    } as unknown as DynamoDBClient;
    const reads = { findHead: nothing, findVersion: nothing, findRecord: nothing };
    const write = { changes: [first()], unchanged: [] };
    const context = requestContext({ writeId: 'mine' });
    const outcome = await createWrites(tableOf(client, context), reads).write(write);
    expect(outcome).toMatchObject({ outcome: 'raced' });
    expect(sent).toMatchObject([
      {
        ConditionExpression: 'attribute_not_exists(pk)',
        ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
      },
    ]);
  });
});
