/** A restore writes items into a table, and destroys again what the log says was destroyed. */
import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { readDestructions, redoDestructions } from '../../host/backup/destroys.ts';
import { putItems } from '../../host/backup/table.ts';
import { requestContext, someone } from '../support/requests.ts';
import { historyOf, makeSecret } from '../support/secrets.ts';
import { type Item, openTable } from '../support/stored-items.ts';
import { useEmbedded } from '../support/use-embedded.ts';

const vault = useEmbedded();

const began = 1_700_000_000_000;

const hashesOf = (items: readonly Item[]) =>
  new Map(items.map(({ pk, bytes }) => [pk?.S, hashOf(bytes?.B ?? Buffer.of())]));
const hashOf = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

describe('a restore', () => {
  it('adds the items that are missing, and fails rather than replace one that differs from the backup', async () => {
    const { tenant } = someone();
    vault.tampered.add(tenant);
    // A hundred of the large items do not fit into one transaction.
    const items = Array.from({ length: 250 }, (_, index) => ({
      pk: { S: `TENANT#${tenant}#SECRET#S${index}` },
      sk: { S: 'HEAD' },
      bytes: { B: Buffer.alloc(index < 45 ? 100_000 : 10, index) },
    }));
    const put = (some: typeof items) =>
      putItems((guards) => vault.itemsOf(requestContext()).write(guards), some);
    await put(items.slice(20, 120));
    await put(items);
    await put(items);
    /**
     * Hashes of what the table holds, because Jest takes seconds to compare megabytes byte by byte.
     */
    const stored = async () => hashesOf(await openTable(vault).itemsOf(tenant));
    expect(await stored()).toEqual(hashesOf(items));
    const changed = items.slice(0, 2).map((item) => ({ ...item, bytes: { B: Buffer.alloc(3) } }));
    await expect(put(changed)).rejects.toThrow(
      /holds another item TENANT#\S+#SECRET#S0 HEAD than the backup/,
    );
    expect(await stored()).toEqual(hashesOf(items));
  });
});

describe('restore --redo-destroys', () => {
  const owner = someone();
  const line = (more: object, at = began + 9_500) =>
    JSON.stringify({ level: 'INFO', timestamp: new Date(at).toISOString(), ...more });
  const request = { message: 'request', operation: 'destroy-version', tenant: owner.tenant };
  const writeIds = new Map<string, string | undefined>();
  // Each line of this log is like one on AWS, where it also carries metrics.
  const metrics = { decisions: { destroyed: 1 }, _aws: {}, Duration: 12.9 };
  const done = (name: string, version: number, subject = 'bob') => ({
    ...metrics,
    ...{ ...request, requestId: `${name}@${version}`, outcome: 'ok', status: 200 },
    ...{ issuer: 'default', subject, secret: name, version },
    writeId: writeIds.get(`${name}@${version}`) ?? 'of another vault',
  });
  const failed = { outcome: 'failed', status: 503, code: 'outcome_unknown' };
  const decided = { message: 'decision', decision: 'destroyed', requestId: 'lost' };
  async function* linesOf(...lines: readonly string[]) {
    yield* lines;
  }

  it('destroys again only versions that the log proves were destroyed, with their original caller and time', async () => {
    const [five, two] = [
      ['1', '2', '3', '4', '5'],
      ['1', '2'],
    ] as const;
    await makeSecret(vault.ports, owner, 'OLD', five, began);
    await makeSecret(vault.ports, owner, 'AGAIN', two, began);
    for (const name of ['OLD', 'AGAIN']) {
      for (const { version, writeId } of await historyOf(vault.ports, owner, name)) {
        writeIds.set(`${name}@${version}`, writeId);
      }
    }
    // This secret exists, but the log's line about it has the writeId of another vault that uses
    // the same names.
    await makeSecret(vault.ports, owner, 'OTHER', two, began);
    const damaged = someone();
    vault.tampered.add(damaged.tenant);
    await makeSecret(vault.ports, damaged, 'OLD', two, began);
    const [head] = await openTable(vault).itemsOf(damaged.tenant);
    await openTable(vault).put({ ...head, vault: { S: 'another' } });
    const headless = someone();
    vault.tampered.add(headless.tenant);
    await makeSecret(vault.ports, headless, 'HEADLESS', two, began);
    const [oldest] = await historyOf(vault.ports, headless, 'HEADLESS');
    writeIds.set('HEADLESS@1', oldest?.writeId);
    const [lost] = await openTable(vault).itemsOf(headless.tenant);
    await openTable(vault).remove(lost ?? {});
    const logs = [
      linesOf(
        line({ ...done('OLD', 1), tenant: damaged.tenant, requestId: 'damaged' }),
        line({ ...done('HEADLESS', 1), tenant: headless.tenant }),
      ),
      linesOf(
        'npm start says something else',
        // A repeat returns the first destruction. The log may list it before or after the first
        // one.
        line(done('OLD', 1, 'carol'), began + 20_000),
        line({ ...decided, requestId: 'OLD@1', secret: 'OLD', version: 1 }),
        line(done('OLD', 1)),
        line(done('OLD', 1, 'carol'), began + 30_000),
        line({ ...done('OLD', 1), ...failed, requestId: 'before the repetition' }),
        line({ ...done('OLD', 2), outcome: 'refused', status: 404, code: 'not_found' }),
        line({ ...done('OLD', 3), ...failed }),
        line({ ...decided, secret: 'OLD', version: 4 }),
        line(done('OLD', 5)),
        line(done('OLD', 6)),
      ),
      linesOf(
        line(done('OTHER', 1)),
        // This version was destroyed and then lost in an earlier restore; its number was used
        // again.
        line({ ...done('AGAIN', 1, 'carol'), writeId: 'of the first' }, began + 8_999),
        // Earlier releases accepted format characters in subjects.
        line(done('AGAIN', 1, 'bo\u200bb'), began + 9_600),
        line(done('GONE', 1)),
        JSON.stringify({ ...done('OTHER', 1), timestamp: 'some time' }),
        line({ ...done('OTHER', 1), subject: undefined }, began + 9_900),
        line({ ...done('OTHER', 1), writeId: undefined }, began + 9_900),
        '{"message":"request"',
      ),
    ];
    const destructions = await readDestructions(logs);
    expect(destructions.unclear).toEqual([
      `OLD version 3, request OLD@3 of tenant ${owner.tenant}`,
      'OLD version 4, request lost',
    ]);
    expect(destructions.unreadable).toBe(4);
    const namesOf = (found: readonly { name: string; version: number }[]) =>
      found.map(({ name, version }) => `${name}@${version}`);
    const redo = async () => {
      const redone = await redoDestructions(vault.ports, destructions.known);
      return Object.fromEntries(Object.entries(redone).map(([how, some]) => [how, namesOf(some)]));
    };
    const left = { current: ['OLD@5'], damaged: ['OLD@1', 'HEADLESS@1'] };
    const absent = ['AGAIN@1', 'OLD@6', 'OTHER@1', 'GONE@1'];
    expect(await redo()).toEqual({
      ...{ destroyed: ['OLD@1', 'AGAIN@1'], already: [], absent, ...left },
    });
    expect(await redo()).toEqual({
      ...{ destroyed: [], already: ['OLD@1', 'AGAIN@1'], absent, ...left },
    });
    const [first, ...others] = await historyOf(vault.ports, owner, 'OLD');
    expect(first).toMatchObject({ destroyedBy: 'bob', destroyedAt: began + 9_500 });
    const [again] = await historyOf(vault.ports, owner, 'AGAIN');
    expect(again).toMatchObject({ destroyedBy: 'bo\u200bb', destroyedAt: began + 9_600 });
    const other = await historyOf(vault.ports, owner, 'OTHER');
    expect([...others, ...other].every(({ state }) => state === 'stored')).toBe(true);
  });
});
