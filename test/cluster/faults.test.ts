/**
 * Nodes that are killed, paused or cut off, or that start with an empty or an old folder, one fault
 * at a time.
 */
import { cpSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { changePair } from '../support/changed-pair.ts';
import { describeTimes, printFigure } from '../support/figure.ts';
import { until } from '../support/until.ts';
import { copyFolder, parts } from './chaos/nodes.ts';
import { openTrial, type Trial } from './trial.ts';

/** A write without a key may take 9.9 s. The rest is a margin for slow machines. */
const requestMsMax = 15_000;

const asksForMember =
  /is joining: node \d heard of its start \d+ at counter \d+, which is missing in its files/;

describe('one of three nodes', () => {
  let trial: Trial;

  beforeAll(async () => {
    trial = await openTrial();
    await trial.createAt([1, 2, 3], 60);
  });
  afterEach(() => trial.expectWhole());
  afterAll(() => trial.close());

  it('serves again after a kill, with what the others wrote meanwhile', async () => {
    const { nodes, createAt } = trial;
    await nodes.kill(2);
    await createAt([1, 3], 40);
    nodes.start(2);
    await createAt([1, 3], 40);
  });

  // Shows G17.
  it('dies with everything that runs on it, and the other two machines acknowledge writes and answer reads within 10 s', async () => {
    const { nodes, create, read, settled } = trial;
    const took: number[] = [];
    for (const victim of [await trial.leader(), 1, 2, 3]) {
      const kept = await create([1, 2, 3]);
      const others = [1, 2, 3].filter((node) => node !== victim);
      const began = performance.now();
      await nodes.kill(victim);
      for (const node of others) {
        const made = await create([node]);
        for (const name of [kept, made]) {
          await until(async () => (await read(node, name)).json.value === `of ${name}`);
        }
      }
      took.push(performance.now() - began);
      nodes.start(victim);
      await settled();
    }
    printFigure('the death of a machine', describeTimes(took));
    expect(Math.max(...took)).toBeLessThan(10_000);
  });

  it('starts and votes without its copy of the master key, but opens no value until the copy is back', async () => {
    const { nodes, read, create, untilServing } = trial;
    const name = await create([1]);
    await nodes.stop(3);
    renameSync(nodes.keyFileOf(3), `${nodes.keyFileOf(3)}.away`);
    nodes.start(3);
    await untilServing();
    await nodes.kill(1);
    await until(async () => (await read(2, name)).status === 200);
    const { status, json } = await read(3, name);
    expect([status, json.code]).toEqual([503, 'master_key_unavailable']);
    expect((await nodes.status(3))?.masterKey).toBe('missing');
    renameSync(`${nodes.keyFileOf(3)}.away`, nodes.keyFileOf(3));
    expect(await read(3, name)).toMatchObject({ status: 200, json: { value: `of ${name}` } });
    nodes.start(1);
  });

  // Shows G8.
  it('never shows a reader one old and one new value of two secrets that .env files change together, even if a node dies', async () => {
    const { nodes, ask, write } = trial;
    await changePair({
      pair: ['PAIR_USER', 'PAIR_PASS'],
      changes: 200,
      write: (path, body) => write(nodes.all, 'POST', path, body),
      read: async (path, body, reader) => {
        const reply = await ask((reader % 3) + 1, 'POST', path, body);
        return reply.status === 200 ? reply : undefined;
      },
      before: async (change) => {
        if (change === 60) await nodes.kill(2);
        if (change === 120) nodes.start(2);
      },
    });
  });

  // Shows G12.
  it('refuses reads and writes while it is alone, each within the time limit of a request, and then serves again by itself', async () => {
    const { nodes, ask, read, acknowledged } = trial;
    for (const node of [2, 3]) await nodes.kill(node);
    const shown = acknowledged.at(-1) ?? '';
    const body = { name: 'ALONE', value: 'alone' };
    const both = await Promise.all([read(1, shown), ask(1, 'POST', '/v1/secrets', body)]);
    for (const { status, json, ms } of [...both, await read(1, shown)]) {
      expect([status, ms < requestMsMax]).toEqual([503, true]);
      expect(['store_unavailable', 'outcome_unknown']).toContain(json.code);
    }
    expect((await ask(1, 'GET', '/health?ready')).status).toBe(503);
    for (const node of [2, 3]) nodes.start(node);
  });

  // Shows G5.
  it('refuses to read a secret that it missed while it was cut off, and shows it once the network is healed', async () => {
    const { nodes, ask, read, createAt, acknowledged } = trial;
    const heal = nodes.network.cut('peers', 1);
    await createAt([2, 3], 20);
    const missed = acknowledged.at(-1) ?? '';
    const alone = await read(1, missed);
    expect([alone.status, alone.ms < requestMsMax]).toEqual([503, true]);
    heal();
    await until(async () => (await read(1, missed)).status === 200);
    expect((await ask(1, 'GET', '/health?ready')).status).toBe(200);
  });

  // Shows G5.
  it('shows no value older than an acknowledged update when it resumes after it was paused as the leader', async () => {
    const { nodes, ask, read, acknowledged, leader, settled } = trial;
    const [name = ''] = acknowledged;
    const shown: number[] = [];
    for (let round = 0; round < 4; round += 1) {
      const paused = await leader();
      const other = (paused % 3) + 1;
      const resume = nodes.pause(paused, round % 2 === 0 ? parts : ['etcd']);
      const update = () =>
        ask(other, 'PUT', `/v1/secrets/${name}`, { value: `of ${name}, round ${round}` });
      let updated = await update();
      while (updated.status !== 200) updated = await update();
      // These reads wait in the paused node, which still believes that it is the leader when it
      // resumes.
      const reading = Array.from({ length: 20 }, () => read(paused, name));
      await sleep(200);
      resume();
      for (const { status, json } of await Promise.all(reading)) {
        expect([200, 503]).toContain(status);
        if (status !== 200) continue;
        shown.push(json.version ?? 0);
        expect(json.version).toBeGreaterThanOrEqual(updated.json.version ?? Infinity);
      }
      await settled();
    }
    expect(shown.length).toBeGreaterThan(0);
  });

  // Shows G12.
  it('fetches everything from the others after its folder was wiped', async () => {
    const { nodes, createAt, settled } = trial;
    const before = nodes.saidBy(3).length;
    await nodes.wipeAndStart(3);
    await createAt([1, 2], 40);
    await settled();
    expect(nodes.saidBy(3).slice(before)).toMatch(asksForMember);
  });

  // Shows G12.
  it.each([
    ['its folder', ''],
    ["its etcd's folder", 'etcd'],
  ])('does not go back to older data when it starts with an older copy of %s', async (_, part) => {
    const { nodes, folder, createAt, settled } = trial;
    const copy = join(folder, `copy of ${part}`);
    const own = join(nodes.folderOf(2), part);
    await nodes.kill(2);
    copyFolder(own, copy);
    nodes.start(2);
    await settled();
    await createAt([1, 2, 3], 60);
    await nodes.kill(2);
    rmSync(own, { recursive: true });
    cpSync(copy, own, { recursive: true });
    const before = nodes.saidBy(2).length;
    nodes.start(2);
    await createAt([1, 3], 40);
    await settled();
    expect(nodes.saidBy(2).slice(before)).toMatch(asksForMember);
  });

  it('catches up with the others after it was paused while they wrote', async () => {
    const { nodes, createAt } = trial;
    const resume = nodes.pause(3, parts);
    await createAt([1, 2], 200, Date.now() + 10_000);
    resume();
  });

  it('answers a hundred reads of 64 KiB at once', async () => {
    const { ask, read } = trial;
    const names = Array.from({ length: 100 }, (_, index) => `LARGE_${index}`);
    const value = (name: string) => name.padEnd(65_536, '.');
    const client = async (first: number) => {
      for (const name of names.filter((_, index) => index % 4 === first)) {
        const { status } = await ask(1, 'POST', '/v1/secrets', { name, value: value(name) });
        expect([name, status]).toEqual([name, 201]);
      }
    };
    await Promise.all([0, 1, 2, 3].map(client));
    const replies = await Promise.all(names.map((name) => read(2, name)));
    expect(replies.map(({ status }) => status)).toEqual(names.map(() => 200));
    expect(replies.map(({ json }) => json.value)).toEqual(names.map(value));
  });
});
