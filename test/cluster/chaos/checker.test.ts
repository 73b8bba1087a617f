/**
 * The checker notices wrong histories: it passes its own tests, and it finds that an acknowledged
 * update is missing at the end of a fight.
 */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { startDynamodb, type TestDynamodb } from '../../support/dynamodb.ts';
import { freshFolder } from '../../support/local-process.ts';
import { type RunningVault, startVault } from '../../support/running-vault.ts';
import { startBeside } from '../../support/second-vault.ts';
import { buildChecker, checkHistory, testChecker } from './checker.ts';
import { startCrowd } from './crowd.ts';
import { type History, openHistory, type Recorded } from './history.ts';

jest.setTimeout(900_000);

describe('the checker of recorded histories', () => {
  const folder = freshFolder();
  const seed = Number(process.env['CHAOS_SEED'] ?? Date.now() % 1_000_000);
  const rare: readonly Recorded['outcome'][] = ['destroyed', 'current', 'empty'];
  let dynamodb: TestDynamodb;
  let hosts: readonly RunningVault[] = [];
  let recorded: readonly Recorded[] = [];

  beforeAll(async () => {
    buildChecker();
    dynamodb = await startDynamodb();
    const first = await startVault(dynamodb.environment);
    hosts = [first];
    hosts = [first, await startBeside(first)];
    const file = join(folder, 'recorded.jsonl');
    const written = openHistory(file);
    const rareReplies = new Set(rare);
    const history: History = {
      ...written,
      record: (operation) => {
        rareReplies.delete(operation.outcome);
        written.record(operation);
      },
    };
    const crowd = startCrowd({
      seed,
      clients: 12,
      urls: hosts.map((host) => host.baseUrl()),
      token: first.token(),
      history,
      // Some replies are rare. The fight goes on until each of those has occurred, but not beyond
      // 20,000 operations.
      isOver: (operations) =>
        operations >= 2_000 && (rareReplies.size === 0 || operations >= 20_000),
    });
    await crowd.ended;
    await crowd.readAll();
    await history.close();
    expect(crowd.unplanned).toEqual([]);
    recorded = readFileSync(file, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
  });
  afterAll(async () => {
    for (const host of hosts.toReversed()) await host.stop();
    await dynamodb.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const judge = async (history: readonly Recorded[]) => {
    const file = join(folder, 'judged.jsonl');
    writeFileSync(file, history.map((operation) => `${JSON.stringify(operation)}\n`).join(''));
    return await checkHistory(file, folder);
  };
  /** Returns the history with one operation changed. */
  const changed = (operation: Recorded | undefined, change: object): Recorded[] => {
    if (operation === undefined) throw new Error(`seed ${seed} made no history to do this to`);
    return recorded.map((one) => (one === operation ? ({ ...one, ...change } as Recorded) : one));
  };

  it('passes its own tests', () => {
    expect(testChecker()).toContain('ok');
  });

  it('finds the history of 12 clients that compete on two hosts of one table to be linearizable', async () => {
    const { verdict, problems, overlapping, refused, operations } = await judge(recorded);
    expect({ seed, verdict, problems }).toEqual({ seed, verdict: 'Ok', problems: [] });
    expect(operations).toBeGreaterThanOrEqual(2_000);
    expect(overlapping).toBeGreaterThan(0.3);
    expect(refused).toBeGreaterThan(0.1);
  });

  it('is given a history in which secrets are deleted, created again, destroyed and listed', () => {
    const done = recorded.filter(({ outcome }) => outcome === 'done');
    const seen = (kind: Recorded['kind']) =>
      done.flatMap((one) => (one.kind === kind && 'seen' in one ? (one.seen ?? []) : []));
    const of = (kind: Recorded['kind']) => done.filter((one) => one.kind === kind);
    const again = of('create').filter((one) => 'version' in one && (one.version ?? 0) > 1);
    const states = [...seen('versions'), ...seen('final')].map(({ state }) => state);
    const listed = seen('list').map(({ state }) => state);
    expect(again.length).toBeGreaterThan(10);
    expect(of('delete').length).toBeGreaterThan(20);
    expect(of('destroy').length).toBeGreaterThan(10);
    expect(new Set(states)).toEqual(new Set([undefined, 'deleted', 'destroyed']));
    expect(new Set(listed)).toEqual(new Set([undefined, 'deleted']));
    const outcomes = new Set(recorded.map(({ outcome }) => outcome));
    expect([...outcomes]).toEqual(expect.arrayContaining([...rare]));
  });

  it('notices that an acknowledged update was lost', async () => {
    // The update must have been acknowledged. If no reply had mentioned it, the history without it
    // would be right.
    const isTold = (name: string, last: number): boolean =>
      recorded.some(
        (one) =>
          one.kind === 'update' &&
          one.name === name &&
          one.outcome === 'done' &&
          one.version === last,
      );
    const end = recorded.find(
      (one) => one.kind === 'final' && one.seen.length > 3 && isTold(one.name, one.seen.length),
    );
    const seen = end?.kind === 'final' ? end.seen.slice(0, -1) : [];
    expect((await judge(changed(end, { seen }))).verdict).toBe('Illegal');
  });
});
