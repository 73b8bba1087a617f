/**
 * How the vault interprets a cancelled transaction, action by action. The embedded store never
 * returns these reasons, because it runs one transaction at a time.
 */

import {
  type CancellationReason,
  ConditionalCheckFailedException,
  type DynamoDBClient,
  TransactionCanceledException,
} from '@aws-sdk/client-dynamodb';
import { describe, expect, it } from '@jest/globals';
import { createDynamodbItems } from '../../../functions/dynamodb/dynamodb-items.ts';
import type {
  Deletion,
  DestroyedVersion,
  SealedVersion,
  StoredVersion,
} from '../../../functions/model/types.ts';
import {
  encodeHead,
  encodeRecord,
  encodeVersion,
  type Item,
  recordKey,
} from '../../../functions/store/items.ts';
import { createWrites } from '../../../functions/store/store.ts';
import type { Store, Write } from '../../../functions/vault/ports.ts';
import type { RequestContext } from '../../../functions/vault/request.ts';
import * as fault from '../../support/faults.ts';
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
const deletion = (number: number, writeId: string): Deletion & { validTo: undefined } => {
  const { vault, tenant, name, validFrom, validTo, createdBy } = version(number, writeId);
  const facts = { vault, tenant, name, version: number, validFrom, validTo, createdBy, writeId };
  return { ...facts, state: 'deleted' };
};
/** The first version of a secret, written by this request. */
const first = (name = 'DB') => ({ base: undefined, next: version(1, 'mine', name) });
const held: CancellationReason = { Code: 'None' };
const conflict: CancellationReason = { Code: 'TransactionConflict' };
const failed = (item?: Item): CancellationReason => ({
  Code: 'ConditionalCheckFailed',
  ...(item && { Item: item }),
});

const nothing = async () => undefined;
const tableOf = (client: DynamoDBClient, context: RequestContext) => ({
  items: createDynamodbItems(client, 'vault')(context),
  vaultId,
  context,
  principal: alice,
});

/** Returns the outcome of one attempt whose transaction is cancelled for these reasons. */
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
  // The next write has not finished, so a plain read finds its head but not yet this version.
  const findVersion: Store['findVersion'] = async (...[, , look]) =>
    look === 'settled' ? superseded : undefined;
  const reads = { findHead: nothing, findVersion, findRecord: nothing };
  const context = requestContext({ writeId: 'mine' });
  return await createWrites(tableOf(client, context), reads).write(write);
};

describe('a cancelled update', () => {
  const base = version(4, 'before');
  const write: Write = { unchanged: [], changes: [{ base, next: version(5, 'mine') }] };

  it('counts as written if the current head carries its own write id', async () => {
    const reasons = [failed(encodeHead(version(5, 'mine'))), failed()];
    expect(await outcomeOf(write, reasons)).toEqual({ outcome: 'written' });
  });

  it('counts as raced if the current head is from another write, and returns that head', async () => {
    const head = version(5, 'other');
    const reasons = [failed(encodeHead(head)), failed()];
    expect(await outcomeOf(write, reasons)).toEqual({ outcome: 'raced', head });
  });

  it('has the outcome that the stored version with its number shows if the head is newer', async () => {
    const reasons = [failed(encodeHead(version(7, 'later'))), failed()];
    const mine = { ...version(5, 'mine'), validTo: 1_800_000_000_000 };
    expect(await outcomeOf(write, reasons, mine)).toEqual({ outcome: 'written' });
    const other = { ...mine, writeId: 'other' };
    expect(await outcomeOf(write, reasons, other)).toMatchObject({ outcome: 'raced' });
    await expect(outcomeOf(write, reasons)).rejects.toMatchObject({ code: 'integrity_failure' });
  });

  it.each([
    ['went back to an older version', version(3, 'before')],
    ['is another version of the same number', version(4, 'restored')],
  ])(
    'fails with integrity_failure if the head %s, whether or not a later version item exists',
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

  it('fails with integrity_failure if only the version item refused it', async () => {
    await expect(outcomeOf(write, [held, failed()])).rejects.toMatchObject({
      code: 'integrity_failure',
    });
  });

  it('needs a retry if a conflict or throttling kept DynamoDB from checking one of its items', async () => {
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

describe('a cancelled create over a deletion', () => {
  const base = deletion(4, 'before');
  const write: Write = { unchanged: [], changes: [{ base, next: version(5, 'mine') }] };

  it.each([
    ['a secret that another request created', version(5, 'other')],
    ['a newer deletion', deletion(6, 'other')],
  ])('counts as raced if the head is %s', async (_, head) => {
    const superseded = { ...version(5, 'other'), validTo: 1_800_000_000_000 };
    const reasons = [failed(encodeHead(head)), failed()];
    expect(await outcomeOf(write, reasons, superseded)).toEqual({ outcome: 'raced', head });
  });

  it('counts as written if its own version exists, even if it has been deleted or destroyed since', async () => {
    const validTo = 1_800_000_000_000;
    const { masterKeyId } = version(5, 'mine');
    const by = { destroyedAt: validTo, destroyedBy: 'bob' };
    const remains = { ...deletion(5, 'mine'), state: 'destroyed', masterKeyId, ...by } as const;
    const reasons = [failed(encodeHead(deletion(6, 'other'))), failed()];
    for (const own of [version(5, 'mine'), remains]) {
      const outcome = await outcomeOf(write, reasons, { ...own, validTo });
      expect(outcome).toEqual({ outcome: 'written' });
    }
  });

  it.each([
    ['went back to an older version', version(3, 'before')],
    ['is another deletion of the same number', deletion(4, 'restored')],
  ])('fails with integrity_failure if the head %s', async (_, head) => {
    const outcome = outcomeOf(write, [failed(encodeHead(head)), held]);
    await expect(outcome).rejects.toMatchObject({ code: 'integrity_failure' });
  });
});

describe('a condition on a head', () => {
  it.each([version(4, 'before'), deletion(4, 'before')])(
    'checks its version, its write id and its state: $state',
    async (base) => {
      const sent: object[] = [];
      const client = {
        send: async (command: { readonly input: object }) => {
          sent.push(command.input);
          return { ConsumedCapacity: [] };
        },
      } as unknown as DynamoDBClient;
      const reads = { findHead: nothing, findVersion: nothing, findRecord: nothing };
      const { write } = createWrites(tableOf(client, requestContext()), reads);
      const superseded = { ...base, version: 2, validTo: 1_800_000_000_000 };
      const unchanged = [base, superseded];
      await write({ changes: [{ base, next: version(5, 'mine') }], unchanged });
      const exactly = {
        ConditionExpression: 'version = :version AND writeId = :writeId AND #state = :state',
        ExpressionAttributeNames: { '#state': 'state' },
        ExpressionAttributeValues: {
          ':version': { N: '4' },
          ':writeId': { S: 'before' },
          ':state': { S: base.state },
        },
      };
      const ofVersion = { ExpressionAttributeValues: { ':version': { N: '2' } } };
      const TransactItems = [
        { Put: exactly },
        {},
        { ConditionCheck: { ...exactly, Key: { sk: { S: 'HEAD' } } } },
        { ConditionCheck: { ...ofVersion, Key: { sk: { S: 'VERSION#0000000002' } } } },
      ];
      expect(sent).toMatchObject([{ TransactItems }]);
    },
  );
});

describe('a cancelled write with an idempotency record', () => {
  const key = recordKey(alice, 'hash');
  const record = (writeId: string) => ({
    operation: 'create-secret',
    writeId,
    contentHash: new Uint8Array(32),
    written: [{ name: 'DB', version: 1, validFrom: 1_700_000_000_000 }],
    resolved: [],
    expiresAt: 1_900_000_000_000,
  });
  const write: Write = {
    changes: [first()],
    unchanged: [],
    record: { keyHash: 'hash', record: record('mine') },
  };

  it('counts as replayed if the record is from another write, whatever the head shows', async () => {
    const stored = failed(encodeHead(version(1, 'other')));
    const replayed = await outcomeOf(write, [failed(encodeRecord(key, record('other'))), stored]);
    expect(replayed).toEqual({ outcome: 'replayed', record: record('other') });
  });

  it('needs a retry if the record had a conflict, whatever the head shows, because a duplicate may be writing it', async () => {
    const stored = failed(encodeHead(version(1, 'other')));
    const again = { outcome: 'refused', reason: 'throttled' };
    expect(await outcomeOf(write, [conflict, stored])).toEqual(again);
  });

  it('fails with integrity_failure if the record that refused it was not returned', async () => {
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

  it('counts as raced if any head is from another write, even if another head had a conflict', async () => {
    const head = version(1, 'other', 'B');
    const reasons = [conflict, failed(encodeHead(head)), failed()];
    expect(await outcomeOf(write, reasons)).toEqual({ outcome: 'raced', head });
  });

  it('counts as written if one head carries its own write id', async () => {
    const reasons = [failed(encodeHead(version(1, 'mine', 'A'))), conflict, failed()];
    expect(await outcomeOf(write, reasons)).toEqual({ outcome: 'written' });
  });

  it('counts as raced if a secret that it read has changed', async () => {
    expect(await outcomeOf(write, [held, held, failed()])).toEqual({ outcome: 'raced' });
  });

  it('needs a retry if one of its heads had a conflict, even if a secret that it read has changed, because that head may be its own', async () => {
    expect(await outcomeOf(write, [conflict, held, failed()])).toEqual({
      outcome: 'refused',
      reason: 'throttled',
    });
  });
});

describe('an attempt to write', () => {
  const update = { base: version(4, 'before'), next: version(5, 'mine') };
  it.each<[string, Write]>([
    ['a single put', { changes: [first()], unchanged: [] }],
    ['a transaction', { changes: [update], unchanged: [] }],
  ])(
    'gets a time limit that leaves time for the look-up that settles its outcome: %s',
    async (_, write) => {
      const clock = virtualClock();
      const client = { send: async () => ({ ConsumedCapacity: {} }) } as unknown as DynamoDBClient;
      const reads = { findHead: nothing, findVersion: nothing, findRecord: nothing };
      const context = requestContext({ clock });
      clock.advance(7_950);
      expect(await createWrites(tableOf(client, context), reads).write(write)).toEqual({
        outcome: 'written',
      });
      expect(clock.timers).toEqual([1_050]);
    },
  );
});

describe('the look-up of a write that only puts a record', () => {
  const record = {
    operation: 'submit-env',
    writeId: 'mine',
    contentHash: new Uint8Array(32),
    written: [],
    resolved: [],
    expiresAt: 1_900_000_000_000,
  };
  const lookUp = async (stored: typeof record | undefined) => {
    const reads = { findHead: nothing, findVersion: nothing, findRecord: async () => stored };
    const write = { changes: [], unchanged: [], record: { keyHash: 'hash', record } };
    const context = requestContext({ writeId: 'mine' });
    const client = {} as unknown as DynamoDBClient;
    return await createWrites(tableOf(client, context), reads).lookUp(write);
  };

  it('finds out from the stored record whether the write took effect', async () => {
    const other = { ...record, writeId: 'other' };
    expect(await lookUp(record)).toEqual({ outcome: 'written' });
    expect(await lookUp(other)).toEqual({ outcome: 'replayed', record: other });
    expect(await lookUp(undefined)).toEqual({ outcome: 'unclear' });
  });
});

describe('a create with a single put', () => {
  /** Returns the outcome of a create that fails because of this head. */
  const refusedBy = async (head: SealedVersion | Deletion, superseded?: StoredVersion) => {
    const client = {
      send: async () => {
        const metadata = { $metadata: { httpStatusCode: 400 }, message: 'failed' };
        throw new ConditionalCheckFailedException({ ...metadata, Item: encodeHead(head) });
      },
    } as unknown as DynamoDBClient;
    const looks: unknown[] = [];
    const findVersion: Store['findVersion'] = async (...asked) => {
      looks.push(asked);
      return superseded;
    };
    const reads = { findHead: nothing, findVersion, findRecord: nothing };
    const { write } = createWrites(tableOf(client, requestContext({ writeId: 'mine' })), reads);
    const outcome = await write({ changes: [first()], unchanged: [] });
    return { outcome, looks };
  };

  it('looks up whether it wrote the first version if a deletion refuses it', async () => {
    const head = deletion(2, 'other');
    const of = (writeId: string) => ({ ...version(1, writeId), validTo: 1_800_000_000_000 });
    expect(await refusedBy(head, of('mine'))).toEqual({
      outcome: { outcome: 'written' },
      looks: [['DB', 1, 'settled']],
    });
    const raced = { outcome: 'raced', head };
    expect((await refusedBy(head, of('other'))).outcome).toEqual(raced);
    await expect(refusedBy(head)).rejects.toMatchObject({ code: 'integrity_failure' });
  });

  it('asks for the item that refuses it, so that no further call is needed', async () => {
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

describe('a destruction', () => {
  const { validTo: _, ...facts } = deletion(4, 'before');
  const byMe: DestroyedVersion = {
    ...facts,
    state: 'destroyed',
    masterKeyId: version(4, 'before').masterKeyId,
    destroyedAt: 1_750_000_000_000,
    destroyedBy: 'alice',
  };
  const validTo = 1_740_000_000_000;
  const item = (stored: SealedVersion | DestroyedVersion) => encodeVersion(stored, validTo);

  /** Destroys a version. Successive attempts get these answers, and the last one is repeated. */
  const destroy = async (...answers: readonly (Error | Item | 'gone' | 'done')[]) => {
    const sent: { readonly input: object }[] = [];
    const clock = virtualClock();
    const client = {
      send: async (command: { readonly input: object }) => {
        const answer = answers[Math.min(sent.length, answers.length - 1)];
        sent.push(command);
        if (answer === 'done') return { ConsumedCapacity: {} };
        if (answer instanceof Error) throw answer;
        const metadata = { $metadata: { httpStatusCode: 400 }, message: 'failed' };
        const shown = answer !== undefined && answer !== 'gone' && { Item: answer };
        throw new ConditionalCheckFailedException({ ...metadata, ...shown });
      },
    } as unknown as DynamoDBClient;
    const reads = { findHead: nothing, findVersion: nothing, findRecord: nothing };
    const context = requestContext({ clock, writeId: 'mine' });
    const work = createWrites(tableOf(client, context), reads).destroy(byMe, validTo);
    const outcome = await work.catch(({ code }) => code);
    return { outcome, sent, attempts: context.journal.attempts(), ms: clock.elapsed() };
  };

  it('replaces a version with what remains of it, on the condition that exactly this version has a value', async () => {
    const { outcome, sent } = await destroy('done');
    expect(outcome).toEqual(byMe);
    expect(sent.map(({ input }) => input)).toMatchObject([
      {
        Item: encodeVersion(byMe, validTo),
        ConditionExpression: 'writeId = :writeId AND #state = :state',
        ExpressionAttributeNames: { '#state': 'state' },
        ExpressionAttributeValues: { ':writeId': { S: 'before' }, ':state': { S: 'stored' } },
        ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
      },
    ]);
  });

  it('returns the version as an earlier destruction left it', async () => {
    const earlier = { ...byMe, destroyedAt: byMe.destroyedAt - 1, destroyedBy: 'bob' };
    const { outcome } = await destroy(item(earlier));
    expect(outcome).toEqual({ ...earlier, validTo });
  });

  it.each<[string, Item | 'gone']>([
    ['is gone', 'gone'],
    ['is from another write', item({ ...version(4, 'restored') })],
    ['is from another write, and destroyed', item({ ...byMe, writeId: 'restored' })],
    ['has a value though its condition failed', item(version(4, 'before'))],
    ['is under another key', { ...item(byMe), sk: { S: 'VERSION#0000000005' } }],
  ])('fails with integrity_failure if the version %s', async (_, shown) => {
    expect((await destroy(shown)).outcome).toBe('integrity_failure');
  });

  it.each<[string, readonly Error[], Item | 'done']>([
    ['an unclear attempt', [fault.timedOut], 'done'],
    ['an unclear attempt that took effect', [fault.serverError], item(byMe)],
    ['throttling', [fault.throttled, fault.conflicted, fault.throttled, fault.throttled], 'done'],
    ['an attempt that did not connect', [fault.connectionRefused], 'done'],
  ])('succeeds after %s', async (_, faults, last) => {
    const { outcome, attempts } = await destroy(...faults, last);
    expect(outcome).toMatchObject(byMe);
    expect(attempts).toBe(faults.length + 1);
  });

  it.each<[string, readonly Error[], string]>([
    ['outcome_unknown if an attempt may still take effect', [fault.timedOut], 'outcome_unknown'],
    [
      'outcome_unknown if an attempt before the last may still take effect',
      [fault.timedOut, fault.connectionRefused],
      'outcome_unknown',
    ],
    [
      'outcome_unknown if throttling follows an unclear attempt',
      [fault.cutOff, fault.throttled],
      'outcome_unknown',
    ],
    ['store_unavailable if no attempt connected', [fault.connectionRefused], 'store_unavailable'],
    ['throttled if every attempt was throttled', [fault.throttled], 'throttled'],
  ])('ends with %s, within eight seconds', async (_, faults, code) => {
    const { outcome, ms } = await destroy(...faults);
    expect(outcome).toBe(code);
    expect(ms).toBeLessThan(8_000);
  });
});
