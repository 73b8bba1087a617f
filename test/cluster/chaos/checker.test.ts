/** The checker finds wrong histories: its own tests, and wrong replies that are put into a right history. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { freshFolder } from '../../support/local-process.ts';
import { type RunningVault, startVault } from '../../support/running-vault.ts';
import { startBeside } from '../../support/second-vault.ts';
import { buildChecker, checkHistory, testChecker } from './checker.ts';
import { startCrowd } from './crowd.ts';
import { openHistory, type Recorded } from './history.ts';

jest.setTimeout(900_000);

describe('the checker', () => {
  const folder = freshFolder();
  const seed = Number(process.env['CHAOS_SEED'] ?? Date.now() % 1_000_000);
  let hosts: readonly RunningVault[] = [];
  let recorded: readonly Recorded[] = [];

  beforeAll(async () => {
    buildChecker();
    const first = await startVault();
    hosts = [first];
    hosts = [first, await startBeside(first)];
    const file = join(folder, 'recorded.jsonl');
    const history = openHistory(file);
    const crowd = startCrowd({
      seed,
      clients: 12,
      urls: hosts.map((host) => host.baseUrl()),
      token: first.token(),
      history,
      isOver: (operations) => operations >= 2_000,
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
    rmSync(folder, { recursive: true, force: true });
  });

  const judge = async (history: readonly Recorded[]) => {
    const file = join(folder, 'judged.jsonl');
    writeFileSync(file, history.map((operation) => `${JSON.stringify(operation)}\n`).join(''));
    return await checkHistory(file, folder);
  };
  /** The history with one operation of it changed. */
  const changed = (operation: Recorded | undefined, change: object): Recorded[] => {
    if (operation === undefined) throw new Error(`seed ${seed} made no history to do this to`);
    return recorded.map((one) => (one === operation ? ({ ...one, ...change } as Recorded) : one));
  };
  const textOf = (name: string, version: number): string => {
    const end = recorded.find((one) => one.kind === 'final' && one.name === name);
    const seen = end?.kind === 'final' ? end.seen[version - 1] : undefined;
    if (seen === undefined) throw new Error(`${name} has no version ${version}`);
    return seen.value;
  };

  it('passes its own tests', () => {
    expect(testChecker()).toContain('ok');
  });

  it('finds two hosts of one table linearizable, in a fight', async () => {
    const { verdict, problems, overlapping, refused, operations } = await judge(recorded);
    expect({ seed, verdict, problems }).toEqual({ seed, verdict: 'Ok', problems: [] });
    expect(operations).toBeGreaterThanOrEqual(2_000);
    expect(overlapping).toBeGreaterThan(0.3);
    expect(refused).toBeGreaterThan(0.1);
  });

  it('finds an acknowledged update that was lost', async () => {
    const end = recorded.find((one) => one.kind === 'final' && one.seen.length > 3);
    const seen = end?.kind === 'final' ? end.seen.slice(0, -1) : [];
    expect((await judge(changed(end, { seen }))).verdict).toBe('Illegal');
  });

  it('finds a file that one expand resolved by half', async () => {
    const read = recorded.find(
      (one) => one.kind === 'env' && 'seen' in one && (one.seen?.at(-1)?.version ?? 0) > 4,
    );
    const seen = read !== undefined && 'seen' in read ? (read.seen ?? []) : [];
    const last = seen.at(-1)?.name ?? '';
    const older = { name: last, version: 1, value: textOf(last, 1) };
    const torn = changed(read, { seen: [...seen.slice(0, -1), older] });
    expect((await judge(torn)).verdict).toBe('Illegal');
  });
});
