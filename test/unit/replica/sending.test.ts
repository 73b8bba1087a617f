import { describe, expect, it } from '@jest/globals';
import { applyCreateTable } from '../../../local/replica/apply-create-table.ts';
import {
  type Bookkeeping,
  openBookkeeping,
  readPosition,
} from '../../../local/replica/bookkeeping.ts';
import { type Position, startPosition } from '../../../local/replica/digest.ts';
import { plan } from '../../../local/replica/plan.ts';
import { createSender } from '../../../local/replica/sending.ts';
import type { StoreClient } from '../../../local/replica/store.ts';
import { refuse, unclear, type WireReply } from '../../../local/replica/wire.ts';
import { createWrite } from '../../../local/replica/write.ts';

const nothing: WireReply = { status: 200, body: {} };
const positionItem = ({ revision, version, digest }: Position): WireReply => ({
  status: 200,
  body: {
    Item: {
      revision: { N: String(revision) },
      version: { N: String(version) },
      digest: { S: digest },
    },
  },
});

/** A store that answers each operation by its own list; the last entry answers all further calls. */
const storeOf = (answers: Readonly<Record<string, readonly WireReply[]>>) => {
  const rest = new Map(Object.entries(answers).map(([name, list]) => [name, [...list]]));
  const calls: string[] = [];
  const call = async (operation: string): Promise<WireReply> => {
    calls.push(operation);
    const list = rest.get(operation) ?? [];
    const [next = nothing] = list;
    if (list.length > 1) list.shift();
    return next;
  };
  return { calls, store: { call } as unknown as StoreClient };
};
const bookkeepingOf = (): Bookkeeping => ({
  position: startPosition,
  cluster: undefined,
  tables: new Map(),
  receipts: new Map(),
});
const writeOf = (pk: string) =>
  createWrite('PutItem', { TableName: 'vault', Item: { pk: { S: pk } } });
const lost = unclear('no answer came');

describe('a transaction whose answer was lost', () => {
  const run = [{ revision: 7, version: 1, writes: [writeOf('a')], bytes: 1 }];
  const send = (at: Position) => {
    const bookkeeping = bookkeepingOf();
    const { store } = storeOf({ TransactWriteItems: [lost], GetItem: [positionItem(at)] });
    const options = { store, bookkeeping, storeDeaths: () => 0, report: () => undefined };
    const sender = createSender(options, new AbortController().signal);
    return sender.send(run, plan(bookkeeping.position, run, new Map()));
  };
  const { last } = plan(startPosition, run, new Map());

  it('was applied if the position is where it leads', async () => {
    expect(await send(last)).toBe('applied');
  });

  it.each([
    ['has another digest there', { ...last, digest: 'another' }],
    ['is elsewhere', { ...last, revision: 9 }],
  ])('is another’s if the position %s: this applier must not go on', async (_, at) => {
    await expect(send(at)).rejects.toThrow(`the store stands at revision ${at.revision}, not at 0`);
  });
});

describe('the parts of an entry that was refused as a whole', () => {
  const [one, other] = [writeOf('a'), writeOf('b')];
  const whole = refuse('ValidationException', 'as a whole');
  const partsAfter = async (...answers: WireReply[]) => {
    const { store, calls } = storeOf({ TransactWriteItems: answers });
    const bookkeeping = bookkeepingOf();
    const options = { store, bookkeeping, storeDeaths: () => 0, report: () => undefined };
    const { refuseParts } = createSender(options, new AbortController().signal);
    const settled = new Map();
    await refuseParts({ revision: 7, version: 1, writes: [one, other], bytes: 1 }, whole, settled);
    return { settled: [one, other].map((write) => settled.get(write)?.code), asked: calls.length };
  };
  const refused = refuse('ValidationException', 'for what it is');
  const holds = refuse('TransactionCanceledException', 'it would be applied');

  it.each([
    ['throttles', refuse('ThrottlingException', 'later')],
    ['fails', unclear('the disk is full')],
    ['answers as if it had been applied, which none of them may be', nothing],
  ])('are asked for again while the store %s', async (_, passing) => {
    expect(await partsAfter(passing, refused, passing, holds)).toEqual({
      settled: ['ValidationException', undefined],
      asked: 4,
    });
  });

  it('are refused all if the store refuses none by itself', async () => {
    expect((await partsAfter(holds)).settled).toEqual([
      'ValidationException',
      'ValidationException',
    ]);
  });
});

describe('the making of a table', () => {
  const write = createWrite('CreateTable', { TableName: 'vault', KeySchema: [] });
  const entry = { revision: 7, version: 1, writes: [write], bytes: 1 };
  const active = { status: 200, body: { Table: { TableStatus: 'ACTIVE' } } };
  const make = (answers: Readonly<Record<string, readonly WireReply[]>>) => {
    const bookkeeping = bookkeepingOf();
    const { store } = storeOf({ DescribeTable: [active], ...answers });
    return { bookkeeping, made: applyCreateTable(store, bookkeeping, entry, write) };
  };

  it('is noted with where it leads', async () => {
    const { bookkeeping, made } = make({});
    expect(await made).toMatchObject({ position: { revision: 7 }, reply: { status: 200 } });
    expect([...bookkeeping.tables.keys()]).toEqual(['vault']);
  });

  it.each([
    ['the store fails', { CreateTable: [unclear('the disk is full')] }, 'the disk is full'],
    ['the table cannot be looked at', { DescribeTable: [lost] }, 'no answer came'],
    [
      'the position was refused where it stands',
      { TransactWriteItems: [lost], GetItem: [positionItem(startPosition)] },
      'its position was refused (500)',
    ],
    [
      'the position is another’s',
      {
        TransactWriteItems: [lost],
        GetItem: [positionItem({ revision: 7, version: 1, digest: 'another' })],
      },
      'the store stands at revision 7, not at 0',
    ],
  ])('is no outcome if %s, and nothing is noted', async (_, answers, sentence) => {
    const { bookkeeping, made } = make(answers);
    await expect(made).rejects.toThrow(sentence);
    expect([...bookkeeping.tables.keys()]).toEqual([]);
  });
});

describe('what a replica knows of itself', () => {
  it('is not taken for nothing if the store refuses to tell it', async () => {
    const refused = refuse('ValidationException', 'not now');
    await expect(readPosition(storeOf({ GetItem: [refused] }).store)).rejects.toThrow(
      'the store refused to read POSITION',
    );
    await expect(openBookkeeping(storeOf({ Query: [refused] }).store)).rejects.toThrow(
      'the store refused to list TABLE',
    );
  });
});
