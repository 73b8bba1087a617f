/** The writer alone, over a disk whose syncs and failures the test controls. */
import { describe, expect, it } from '@jest/globals';
import { NotSent } from '../../../../functions/store/ports.ts';
import { createWriter, type Disk, type Step } from '../../../../host/sqlite/writer.ts';

const never = new AbortController().signal;
const nextTurn = () => new Promise<void>((resolve) => setImmediate(resolve));
/** Long enough for an idle writer to begin and end a group. */
const someTurns = async () => {
  for (let turn = 0; turn < 5; turn += 1) await nextTurn();
};

/** A disk that records each operation. `sync` settles when the test settles it. */
const createDisk = (failing: Partial<Disk> = {}) => {
  const done: string[] = [];
  const syncs: PromiseWithResolvers<void>[] = [];
  let isOpen = false;
  const disk: Disk = {
    begin: () => {
      failing.begin?.();
      isOpen = true;
      done.push('begin');
    },
    commit: () => {
      failing.commit?.();
      isOpen = false;
      done.push('commit');
    },
    rollback: () => {
      isOpen = false;
      done.push('rollback');
      failing.rollback?.();
    },
    isOpen: () => failing.isOpen?.() ?? isOpen,
    isBusy: (error) => String(error).includes('busy'),
    sync: () => {
      done.push('sync');
      const sync = Promise.withResolvers<void>();
      syncs.push(sync);
      return sync.promise;
    },
    tidy: failing.tidy ?? (async () => undefined),
  };
  const failures: Error[] = [];
  let ms = 0;
  const writer = createWriter(
    disk,
    (error) => void failures.push(error),
    () => ms,
  );
  const pass = (more: number): void => {
    ms += more;
  };
  return { writer, done, syncs, failures, pass };
};

const put =
  <Result>(result: Result, bytes = 1, partition = 'P') =>
  (): Step<Result> => ({ result, bytes, changed: [partition] });
const refuse =
  <Result>(result: Result) =>
  (): Step<Result> => ({ result, bytes: 0, changed: [] });
const fail = (message: string) => () => {
  throw new Error(message);
};
/** Returns how a write ended, or `waits` if it has not. */
const stateOf = async (write: Promise<unknown>): Promise<unknown> =>
  await Promise.race([
    write.then(
      (result) => result,
      (error) => (error instanceof NotSent ? error.reason : 'unclear'),
    ),
    someTurns().then(() => 'waits'),
  ]);

describe('waiting writes', () => {
  it('go into one transaction with one sync, and are answered only after the sync', async () => {
    const { writer, done, syncs } = createDisk();
    const writes = ['a', 'b', 'c'].map((name) => writer.run(put(name), never));
    await someTurns();
    expect(done).toEqual(['begin', 'commit', 'sync']);
    expect(await stateOf(writes[0] ?? Promise.resolve())).toBe('waits');
    syncs[0]?.resolve();
    expect(await Promise.all(writes)).toEqual(['a', 'b', 'c']);
  });

  it('begin the next transaction once the previous one is on the disk', async () => {
    const { writer, done, syncs } = createDisk();
    const first = writer.run(put('first'), never);
    await someTurns();
    const second = writer.run(put('second'), never);
    await someTurns();
    expect(done).toEqual(['begin', 'commit', 'sync']);
    syncs[0]?.resolve();
    await first;
    await someTurns();
    expect(done).toEqual(['begin', 'commit', 'sync', 'begin', 'commit', 'sync']);
    syncs[1]?.resolve();
    await second;
  });

  it('are answered at once, without a sync, if no write of their transaction changed anything', async () => {
    const { writer, done } = createDisk();
    expect(await writer.run(refuse('refused'), never)).toBe('refused');
    expect(done).toEqual(['begin', 'commit']);
  });

  it('are refused only after the sync if another write of their transaction changed something', async () => {
    const { writer, syncs } = createDisk();
    const changing = writer.run(put('written'), never);
    const refused = writer.run(refuse('refused'), never);
    expect(await stateOf(refused)).toBe('waits');
    syncs[0]?.resolve();
    expect(await Promise.all([changing, refused])).toEqual(['written', 'refused']);
  });

  it('go into the next transaction after 1 MiB of writes', async () => {
    const { writer, done, syncs } = createDisk();
    const writes = [700_000, 700_000, 1].map((bytes) => writer.run(put(bytes, bytes), never));
    await someTurns();
    syncs[0]?.resolve();
    expect(await Promise.all(writes.slice(0, 2))).toEqual([700_000, 700_000]);
    await someTurns();
    syncs[1]?.resolve();
    expect(await writes[2]).toBe(1);
    expect(done.filter((step) => step === 'commit')).toHaveLength(2);
  });

  it('go into the next transaction after 5 ms of work', async () => {
    const { writer, done, syncs, pass } = createDisk();
    const slow = (): Step<string> => {
      pass(5);
      return put('slow')();
    };
    const writes = [slow, put('later')].map((apply) => writer.run(apply, never));
    await someTurns();
    syncs[0]?.resolve();
    await writes[0];
    await someTurns();
    syncs[1]?.resolve();
    await writes[1];
    expect(done.filter((step) => step === 'commit')).toHaveLength(2);
  });
});

describe('a read', () => {
  it('waits for the sync of the commits that it may have seen, and for no other', async () => {
    const { writer, syncs } = createDisk();
    expect(writer.pendingOf()).toBeUndefined();
    const write = writer.run(put('written', 1, 'P'), never);
    await someTurns();
    expect(writer.pendingOf(['Q'])).toBeUndefined();
    const [ofPartition, ofAny] = [writer.pendingOf(['Q', 'P']), writer.pendingOf()];
    expect(ofPartition).toBeDefined();
    expect(await stateOf(ofAny ?? Promise.resolve())).toBe('waits');
    syncs[0]?.resolve();
    await Promise.all([ofPartition, ofAny, write]);
    expect(writer.pendingOf()).toBeUndefined();
  });
});

describe('a write whose time is over', () => {
  it('is withdrawn and reported as not sent if it was still waiting', async () => {
    const { writer, done, syncs } = createDisk();
    const first = writer.run(put('first'), never);
    await someTurns();
    const limit = new AbortController();
    const late = writer.run(put('late'), limit.signal);
    limit.abort();
    expect(await stateOf(late)).toBe('unavailable');
    syncs[0]?.resolve();
    await first;
    await someTurns();
    expect(done).toEqual(['begin', 'commit', 'sync']);
  });

  it('has an unclear outcome once it is in a transaction', async () => {
    const { writer, syncs } = createDisk();
    const limit = new AbortController();
    const write = writer.run(put('written'), limit.signal);
    await someTurns();
    limit.abort();
    expect(await stateOf(write)).toBe('unclear');
    syncs[0]?.resolve();
    await writer.idle();
  });
});

describe('an error before the commit', () => {
  it.each([
    ['at the beginning of the transaction', 'the disk failed', 'unavailable'],
    ['because another program holds the lock', 'database is busy', 'throttled'],
  ])('makes all writes of the transaction fail as not sent: %s', async (_, message, reason) => {
    const { writer, done, failures } = createDisk({ begin: fail(message) });
    const writes = ['a', 'b'].map((name) => writer.run(put(name), never));
    expect(await Promise.all(writes.map(stateOf))).toEqual([reason, reason]);
    expect([done, failures]).toEqual([[], []]);
  });

  it('in the middle of a transaction undoes the writes before it, and reports them and the failed write as not sent', async () => {
    const { writer, done, failures } = createDisk();
    const writes = [put('a'), fail('disk I/O error'), put('c')].map((apply) =>
      writer.run(apply, never),
    );
    const [first, failing, third] = writes;
    expect(await stateOf(first ?? Promise.resolve())).toBe('unavailable');
    expect(await stateOf(failing ?? Promise.resolve())).toBe('unavailable');
    expect(done.slice(0, 2)).toEqual(['begin', 'rollback']);
    // The write that had not begun yet goes into the next group.
    expect(await stateOf(third ?? Promise.resolve())).toBe('waits');
    expect(failures).toEqual([]);
  });

  it('undoes nothing if SQLite has already rolled back', async () => {
    const { writer, done } = createDisk({ isOpen: () => false });
    expect(await stateOf(writer.run(fail('disk I/O error'), never))).toBe('unavailable');
    expect(done).toEqual(['begin']);
  });

  it('ends the store if the transaction cannot be rolled back', async () => {
    const { writer, failures } = createDisk({ rollback: fail('disk I/O error') });
    expect(await stateOf(writer.run(fail('disk I/O error'), never))).toBe('unavailable');
    expect(failures).toHaveLength(1);
  });
});

describe('a failure after which the content of the disk is unknown,', () => {
  const endsWith = async (
    { writer, failures, done }: ReturnType<typeof createDisk>,
    write: Promise<unknown>,
  ) => {
    expect(await stateOf(write)).toBe('unclear');
    expect(failures).toHaveLength(1);
    expect(writer.ended()).toBe(failures[0]);
    const before = [...done];
    expect(await stateOf(writer.run(put('later'), never))).toBe('unavailable');
    expect(done).toEqual(before);
  };

  it('in a commit, makes the outcome of its writes unclear and ends the store', async () => {
    const disk = createDisk({ commit: fail('disk I/O error') });
    await endsWith(disk, disk.writer.run(put('a'), never));
  });

  it('in a sync, makes the outcome of its writes unclear, ends the store, and leaves waiting writes unsent', async () => {
    const disk = createDisk();
    const write = disk.writer.run(put('a'), never);
    await someTurns();
    const pending = disk.writer.pendingOf(['P']);
    const waiting = disk.writer.run(put('b'), never);
    disk.syncs[0]?.reject(new Error('EIO'));
    await endsWith(disk, write);
    expect(await stateOf(waiting)).toBe('unavailable');
    await expect(pending).rejects.toThrow('EIO');
  });

  it('in a checkpoint, ends the store after the writes before the checkpoint were answered', async () => {
    const disk = createDisk({ tidy: async () => fail('EIO')() });
    const write = disk.writer.run(put('a'), never);
    await someTurns();
    disk.syncs[0]?.resolve();
    expect(await write).toBe('a');
    await disk.writer.idle();
    expect(disk.failures).toHaveLength(1);
  });
});
