/** What the replica relies on of a log, be it the real one over etcd or the one in memory. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { LogEntry } from '../../local/replica/batch.ts';
import { isNotAppended, type Log, type LogEnd } from '../../local/replica/log.ts';
import { createWrite, encodeEntry, type Write } from '../../local/replica/write.ts';
import { until } from './until.ts';

/** A log that holds nothing yet, and what can be done to it. */
export type LogUnderTest = {
  readonly log: Log;
  /** Moves the revision without an entry. */
  readonly writeElsewhere: () => Promise<void>;
  /** No majority answers any more. */
  readonly loseMajority: () => Promise<void>;
  readonly close: () => Promise<void>;
};

const nothing: LogEnd = { revision: 0, version: 0 };
const writeOf = (text: string): Write =>
  createWrite('PutItem', { TableName: 'vault', Item: { pk: { S: text } } });

/** Follows the log until it is closed; tells what it was given. */
const following = (log: Log, from: LogEnd = nothing) => {
  const taken: LogEntry[] = [];
  const stop = new AbortController();
  const ended = log.follow(
    () => taken.at(-1) ?? from,
    async (entries) => void taken.push(...entries),
    stop.signal,
  );
  return { taken, ended, stop: () => stop.abort() };
};

export const describeLog = (name: string, start: () => Promise<LogUnderTest>): void => {
  describe(name, () => {
    let under: LogUnderTest;
    let log: Log;
    beforeEach(async () => {
      under = await start();
      log = under.log;
    });
    afterEach(() => under.close());

    /** Entries of one write, of two, and so on. */
    const appendAll = async (count: number): Promise<readonly (readonly Write[])[]> => {
      const entries = Array.from({ length: count }, (_, index) =>
        Array.from({ length: index + 1 }, (__, part) => writeOf(`é ${index} ${part}`)),
      );
      for (const writes of entries) await log.append(writes);
      return entries;
    };
    const allOf = async (from?: LogEnd): Promise<readonly LogEntry[]> => {
      const { revision } = await log.findEnd();
      const { taken, stop, ended } = following(log, from);
      await until(() => taken.at(-1)?.revision === revision);
      stop();
      await ended;
      return taken;
    };

    it('ends at 0 while it holds nothing, whatever else was written', async () => {
      await under.writeElsewhere();
      expect(await log.findEnd()).toEqual(nothing);
    });

    it('hands over every entry as it was appended, whole and in order, with its size and its count', async () => {
      const entries = await appendAll(5);
      const taken = await allOf();
      expect(taken.map(({ writes }) => writes)).toEqual(entries);
      expect(taken.map(({ version }) => version)).toEqual([1, 2, 3, 4, 5]);
      expect(taken.map(({ bytes }) => bytes)).toEqual(
        entries.map((writes) => encodeEntry(writes).length),
      );
    });

    it('ends at its last entry, not at the last write of any kind', async () => {
      await appendAll(2);
      const end = await log.findEnd();
      await under.writeElsewhere();
      expect(await log.findEnd()).toEqual(end);
      await appendAll(1);
      const later = await log.findEnd();
      expect(later.revision).toBe(end.revision + 2);
      expect(later.version).toBe(3);
    });

    it('begins after the entry it was told', async () => {
      await appendAll(4);
      const [, second, third, fourth] = await allOf();
      expect(await allOf(second)).toEqual([third, fourth]);
    });

    it('hands over what is appended while it is followed', async () => {
      const { taken, stop, ended } = following(log);
      const entries = await appendAll(3);
      await until(() => taken.length === 3);
      stop();
      expect(await ended).toBeUndefined();
      expect(taken.map(({ writes }) => writes)).toEqual(entries);
    });

    it('hands over nothing more while what was given is not taken', async () => {
      await appendAll(1);
      const given: number[] = [];
      let take: () => void = () => undefined;
      const stop = new AbortController();
      const ended = log.follow(
        () => nothing,
        async (entries) => {
          given.push(entries.length);
          if (given.length > 1) return;
          await new Promise<void>((resolve) => {
            take = resolve;
          });
        },
        stop.signal,
      );
      await until(() => given.length === 1);
      await appendAll(3);
      await log.findEnd();
      expect(given).toHaveLength(1);
      take();
      await until(() => given.length > 1);
      stop.abort();
      await ended;
    });

    it('tells where it begins to who asks for what it no longer holds', async () => {
      await appendAll(6);
      const [, second, third, fourth, ...rest] = await allOf();
      const begins = fourth?.revision ?? 0;
      await log.compact(begins);
      expect(await following(log, second).ended).toEqual({ compactedRevision: begins });
      // The entry at which it begins is there still.
      expect(await allOf(third)).toEqual([fourth, ...rest]);
    });

    it('does not forget twice, nor what is still to come', async () => {
      await appendAll(3);
      const { revision } = await log.findEnd();
      await expect(log.compact(revision + 5)).rejects.toThrow();
      await log.compact(revision);
      await expect(log.compact(revision)).rejects.toThrow();
    });

    it('stops with a sentence at a hole', async () => {
      await appendAll(2);
      const [first] = await allOf();
      const from = { revision: first?.revision ?? 0, version: 0 };
      await expect(following(log, from).ended).rejects.toThrow(
        'the log has entry 2 where 1 must be',
      );
    });

    it('knows its leader', async () => {
      const { clusterId, memberId, hasLeader, isLeader } = await log.describe();
      expect([hasLeader, isLeader]).toEqual([true, true]);
      expect(clusterId).not.toBe('');
      expect(memberId).not.toBe('');
    });

    it('tells no end and does not know what became of an append without a majority', async () => {
      await appendAll(1);
      await under.loseMajority();
      await expect(log.findEnd()).rejects.toThrow();
      const error: unknown = await log.append([writeOf('late')]).catch((caught) => caught);
      expect(error).toBeInstanceOf(Error);
      expect(isNotAppended(error)).toBe(false);
    });
  });
};
