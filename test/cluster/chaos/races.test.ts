/** Sixteen clients on three nodes race for ten names, without faults. Every reply must be right. */
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { freshFolder } from '../../support/local-process.ts';
import { buildChecker, checkHistory } from './checker.ts';
import type { Contest } from './contests.ts';
import { startCrowd } from './crowd.ts';
import { openHistory, type Recorded } from './history.ts';
import { settle } from './settle.ts';
import { openSite, type Site } from './site.ts';

const requests = 1_000;
const names = Array.from({ length: 10 }, (_, index) => `RACED_${index}`);

/**
 * Creates, updates and deletes the ten names. Half of the updates and deletes have the last version
 * seen as their condition.
 */
const createRaces = (): Contest => {
  const versions = new Map<string, number>();
  let asked = 0;
  return {
    next: (random) => {
      asked += 1;
      const name = random.pick(names);
      const kind = random.pick(['create', 'update', 'delete'] as const);
      const [value, ifMatch] = [`written by ${asked}`, versions.get(name)];
      const isConditional = kind !== 'create' && ifMatch !== undefined && random.chance(0.5);
      return { kind, name, value, ...(isConditional && { ifMatch }) };
    },
    shown: (name, version) => void versions.set(name, version),
    names: () => names,
    isOver: () => false,
  };
};

describe('three nodes without faults', () => {
  const seed = Number(process.env['CHAOS_SEED'] ?? Date.now() % 1_000_000);
  let folder: string;
  let site: Site;
  beforeAll(async () => {
    folder = freshFolder();
    buildChecker();
    site = await openSite({ folder, network: 'loopback' });
    for (const node of site.nodes.all) site.nodes.start(node);
    expect(await settle(site.nodes, 60_000)).toEqual([]);
  });
  afterAll(async () => {
    await site.close();
    rmSync(folder, { recursive: true, force: true });
  });

  // Shows G1, G3, G5.
  it('give linearizable replies to 1,000 racing creates, updates and deletes of ten names by 16 clients', async () => {
    const { nodes } = site;
    const races = createRaces();
    const file = join(folder, 'history.jsonl');
    const history = openHistory(file);
    const crowd = startCrowd({
      ...{ seed, clients: 16, urls: nodes.all.map(nodes.urlOf), token: nodes.token, history },
      contestOf: () => races,
      isOver: (operations) => operations >= requests,
    });
    await crowd.ended;
    expect(await settle(nodes, 60_000)).toEqual([]);
    await crowd.readAll();
    await history.close();
    expect({ seed, unplanned: crowd.unplanned }).toEqual({ seed, unplanned: [] });
    const { verdict, problems, operations, overlapping, unknown } = await checkHistory(
      file,
      folder,
    );
    expect({ seed, verdict, problems }).toEqual({ seed, verdict: 'Ok', problems: [] });
    expect(operations).toBeGreaterThanOrEqual(requests);
    expect(overlapping).toBeGreaterThan(0.5);
    expect(unknown).toBeLessThan(requests / 10);
    const recorded = readFileSync(file, 'utf8').trimEnd().split('\n');
    const winners = recorded
      .map((line): Recorded => JSON.parse(line))
      .flatMap((one) => ('version' in one && one.outcome === 'done' ? [one] : []));
    const won = (kind: Recorded['kind']) => winners.filter((one) => one.kind === kind).length;
    for (const kind of ['create', 'update', 'delete'] as const) {
      expect(won(kind)).toBeGreaterThan(requests / 50);
    }
  });
});
