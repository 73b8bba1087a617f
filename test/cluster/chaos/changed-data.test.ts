/** Bytes in the database of a node's etcd have changed. etcd serves what its file holds; the nodes must not. */
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { connectMember } from '../../../local/etcd/member-client.ts';
import { memberAddress } from '../../../local/node/member.ts';
import { memberFiles } from '../../../local/node/member-files.ts';
import { settle } from './settle.ts';
import { openTrial, settleMsMax, type Trial } from './trial.ts';

jest.setTimeout(240_000);

describe('a node whose database has changed bytes', () => {
  let trial: Trial;

  const databaseOf = (node: number): string =>
    join(memberFiles(trial.site.nodes.folderOf(node)), 'snap', 'db');

  /** Names another creator in all items that the node's database holds, and starts the node. */
  const change = async (node: number): Promise<void> => {
    await trial.site.nodes.kill(node);
    const bytes = readFileSync(databaseOf(node), 'latin1');
    const changed = bytes.replaceAll('"client"', '"nobody"');
    expect(changed).not.toBe(bytes);
    writeFileSync(databaseOf(node), changed, 'latin1');
    trial.site.nodes.start(node);
  };
  const statusesOf = async (nodes: readonly number[]) => {
    const path = `/v1/secrets/${trial.acknowledged.at(-1)}`;
    return (await Promise.all(nodes.map((node) => trial.ask(node, 'GET', path)))).map(
      ({ status }) => status,
    );
  };
  const makeLeader = async (node: number): Promise<void> => {
    const { site, leader } = trial;
    const memberOf = (one: number) => connectMember(memberAddress(site.nodes.folderOf(one)));
    const [own, led] = [memberOf(node), memberOf(await leader())];
    const deadline = performance.now() + 10_000;
    await led.moveLeader((await own.status(deadline)).memberId, deadline);
    own.close();
    led.close();
  };

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

  // Shows G5.
  it('says so and serves nothing until it is wiped, and the others go on', async () => {
    const { site, leader, createAt, stateOf, untilState, saidBy, wipe } = trial;
    const damaged = ((await leader()) % 3) + 1;
    const others = site.nodes.all.filter((node) => node !== damaged);
    await change(damaged);
    await untilState(damaged, 'diverged');
    expect(saidBy(damaged)).toMatch(/is diverged: its data at revision \d+ differ from those of/);
    await createAt(others, 20);
    expect(await statusesOf(site.nodes.all)).toEqual(
      site.nodes.all.map((node) => (node === damaged ? 503 : 200)),
    );
    expect(await Promise.all(others.map(stateOf))).toEqual(['serving', 'serving']);
    await wipe(damaged);
  });

  it('gives no other node its data, also while it leads and a wiped node asks', async () => {
    const { site, leader, createAt, untilState, wipe } = trial;
    const damaged = await leader();
    const [sound, wiped] = site.nodes.all.filter((node) => node !== damaged) as [number, number];
    await change(damaged);
    await untilState(damaged, 'diverged');
    await makeLeader(damaged);
    await wipe(wiped);
    // Two nodes differ, and the third has no data: nobody knows who is right, so nobody serves.
    await untilState(sound, 'diverged');
    await untilState(wiped, 'joining');
    expect(await statusesOf(site.nodes.all)).toEqual([503, 503, 503]);
    expect((await site.nodes.status(wiped))?.reason).toContain('the other nodes do not agree');

    // A person who knows which node is sound gives its database to the other one that has data.
    for (const node of [sound, damaged]) await site.nodes.kill(node);
    copyFileSync(databaseOf(sound), databaseOf(damaged));
    for (const node of [sound, damaged]) site.nodes.start(node);
    expect(await settle(site.nodes, settleMsMax)).toEqual([]);
    await createAt(site.nodes.all, 20);
  });
});
