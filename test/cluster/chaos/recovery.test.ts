/** After one fault at a time a node comes back by itself, with the digest of the others. */
import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { copyFolder } from './folders.ts';
import { parts } from './nodes.ts';
import { inTime, settle } from './settle.ts';
import { openTrial, settleMsMax, type Trial } from './trial.ts';

jest.setTimeout(240_000);

const asksForMember =
  /is joining: node \d heard of its start \d+ at counter \d+, which its files do not hold/;

describe('a node', () => {
  let trial: Trial;

  beforeAll(async () => {
    trial = await openTrial();
    await trial.createAt([1, 2, 3], 60);
  });
  afterEach(async () => {
    await trial.expectWhole();
  });
  afterAll(async () => {
    await trial.close();
  });

  it('that was killed comes back while others write', async () => {
    const { site, createAt } = trial;
    await site.nodes.kill(2);
    await createAt([1, 3], 40);
    site.nodes.start(2);
    await createAt([1, 3], 40);
  });

  // Shows G2.
  it('that starts with all others after a loss of power has all that was acknowledged', async () => {
    const { site, createAt } = trial;
    const writing = createAt([1, 2, 3], 60);
    await sleep(200);
    await Promise.all(site.nodes.all.map((node) => site.nodes.kill(node)));
    await writing;
    for (const node of site.nodes.all.toReversed()) site.nodes.start(node);
  });

  // Shows G12.
  it('that is alone refuses reads and writes within ten seconds, and serves again by itself', async () => {
    const { site, ask, acknowledged } = trial;
    for (const node of [2, 3]) await site.nodes.kill(node);
    for (const [method, path, body] of [
      ['GET', `/v1/secrets/${acknowledged.at(-1)}`, undefined],
      ['POST', '/v1/secrets', { name: 'ALONE', value: 'alone' }],
      ['GET', `/v1/secrets/${acknowledged.at(-1)}`, undefined],
    ] as const) {
      const { status, json, ms } = await ask(1, method, path, body);
      expect([status, ms < 10_000]).toEqual([503, true]);
      expect(['store_unavailable', 'outcome_unknown']).toContain(json.code);
    }
    for (const node of [2, 3]) site.nodes.start(node);
  });

  // Shows G5.
  it('that is cut off shows nothing stale, and everything when it is healed', async () => {
    const { site, ask, createAt, acknowledged } = trial;
    const heal = site.network.cut('peers', 1);
    await createAt([2, 3], 20);
    const path = `/v1/secrets/${acknowledged.at(-1)}`;
    const alone = await ask(1, 'GET', path);
    expect([alone.status, alone.ms < 10_000]).toEqual([503, true]);
    heal();
    const shows = async () => (await ask(1, 'GET', path)).status === 200;
    expect(await inTime(settleMsMax, shows)).toBe(true);
  });

  // Shows G5.
  it('that led and was paused shows no value from before an acknowledged update', async () => {
    const { site, ask, acknowledged, leader } = trial;
    const path = `/v1/secrets/${acknowledged[0]}`;
    const shown: number[] = [];
    for (let round = 0; round < 4; round += 1) {
      const paused = await leader();
      const other = (paused % 3) + 1;
      const resume = site.nodes.pause(paused, round % 2 === 0 ? parts : ['etcd']);
      let updated = await ask(other, 'PUT', path, { value: `round ${round}` });
      while (updated.status !== 200) {
        updated = await ask(other, 'PUT', path, { value: `round ${round}` });
      }
      // These wait in the paused node, which still takes itself for the leader when it goes on.
      const reading = Array.from({ length: 20 }, () => ask(paused, 'GET', path));
      await sleep(200);
      resume();
      for (const { status, json } of await Promise.all(reading)) {
        expect([200, 503]).toContain(status);
        if (status !== 200) continue;
        shown.push(json.version ?? 0);
        expect(json.version).toBeGreaterThanOrEqual(updated.json.version ?? Infinity);
      }
      expect(await settle(site.nodes, settleMsMax)).toEqual([]);
    }
    expect(shown.length).toBeGreaterThan(0);
  });

  it('whose folder was emptied fetches everything from the others', async () => {
    const { site, wipe, createAt, saidBy } = trial;
    const before = saidBy(3).length;
    await wipe(3);
    await createAt([1, 2], 40);
    expect(await settle(site.nodes, settleMsMax)).toEqual([]);
    expect(saidBy(3).slice(before)).toMatch(asksForMember);
  });

  // Shows G12.
  it.each([
    ['its folder', ''],
    ["its etcd's folder", 'etcd'],
  ])('that was given an older copy of %s does not go back with it', async (_, part) => {
    const { site, folder, createAt, saidBy } = trial;
    const copy = join(folder, `copy of ${part}`);
    const own = join(site.nodes.folderOf(2), part);
    await site.nodes.kill(2);
    copyFolder(own, copy);
    site.nodes.start(2);
    expect(await settle(site.nodes, settleMsMax)).toEqual([]);
    await createAt([1, 2, 3], 60);
    await site.nodes.kill(2);
    rmSync(own, { recursive: true });
    cpSync(copy, own, { recursive: true });
    const before = saidBy(2).length;
    site.nodes.start(2);
    await createAt([1, 3], 40);
    expect(await settle(site.nodes, settleMsMax)).toEqual([]);
    expect(saidBy(2).slice(before)).toMatch(asksForMember);
  });

  it('that stood still while the others wrote catches up with them', async () => {
    const { site, createAt } = trial;
    const resume = site.nodes.pause(3, parts);
    await createAt([1, 2], 200, Date.now() + 10_000);
    resume();
  });

  it('answers a hundred reads of 64 KiB at once', async () => {
    const { ask } = trial;
    const names = Array.from({ length: 100 }, (_, index) => `LARGE_${index}`);
    const value = (name: string) => name.padEnd(65_536, '.');
    const client = async (first: number) => {
      for (const name of names.filter((_, index) => index % 4 === first)) {
        const { status } = await ask(1, 'POST', '/v1/secrets', { name, value: value(name) });
        expect([name, status]).toEqual([name, 201]);
      }
    };
    await Promise.all([0, 1, 2, 3].map(client));
    const replies = await Promise.all(names.map((name) => ask(2, 'GET', `/v1/secrets/${name}`)));
    expect(replies.map(({ status }) => status)).toEqual(names.map(() => 200));
    expect(replies.map(({ json }) => json.value)).toEqual(names.map(value));
  });
});
