import { mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { openNodeRecord } from '../../../../host/node/node-record.ts';
import { freshFolder } from '../../../support/local-process.ts';

let folder: string;
beforeEach(() => {
  folder = freshFolder();
});

const said = (start: number, counter: number) => ({ start, counter });
const heardOnDisk = () => JSON.parse(readFileSync(join(folder, 'node.json'), 'utf8')).heard;

describe('the start number of a node', () => {
  it('rises after each start that entered the cluster, and after no other start', async () => {
    for (const start of [1, 2, 3]) {
      expect(openNodeRecord(folder, 1, 'this').start()).toBe(start);
      const record = openNodeRecord(folder, 1, 'this');
      expect(record.start()).toBe(start);
      await record.receive(2, said(start, 0));
      await record.enterCluster();
    }
  });

  it('continues above the number that another node remembers, and never falls', async () => {
    const record = openNodeRecord(folder, 1, 'this');
    record.startAfter(7);
    expect(record.start()).toBe(8);
    record.startAfter(3);
    expect(record.start()).toBe(8);
    await record.enterCluster();
    expect(openNodeRecord(folder, 1, 'this').start()).toBe(9);
  });
});

describe('the reports that a node has received from other nodes', () => {
  it('survive its restarts, with only the latest of each node', async () => {
    const record = openNodeRecord(folder, 1, 'this');
    await record.receive(2, said(2, 50));
    await record.receive(2, said(2, 40));
    await record.receive(2, said(1, 90));
    expect(record.heard()).toEqual({ '2': said(2, 50) });
    await record.receive(2, said(2, 60));
    expect(openNodeRecord(folder, 1, 'this').heard()).toEqual({ '2': said(2, 60) });
  });

  it('are replaced when their node starts again, even if its counter is then lower', async () => {
    const record = openNodeRecord(folder, 1, 'this');
    await record.receive(2, said(2, 50));
    await record.receive(2, said(3, 10));
    expect(record.heard()).toEqual({ '2': said(3, 10) });
  });

  it('reach the disk before receive() resolves, even for a report that repeats one still being written', async () => {
    const record = openNodeRecord(folder, 1, 'this');
    const first = record.receive(2, said(2, 50));
    await record.receive(2, said(2, 50));
    expect(heardOnDisk()).toEqual({ '2': said(2, 50) });
    await first;
  });

  it('reach the disk when the same report arrives again after a failed write', async () => {
    const record = openNodeRecord(folder, 1, 'this');
    const away = `${folder}-away`;
    renameSync(folder, away);
    await expect(record.receive(3, said(1, 9))).rejects.toThrow('ENOENT');
    await expect(record.receive(3, said(1, 9))).rejects.toThrow('ENOENT');
    renameSync(away, folder);
    await record.receive(3, said(1, 9));
    expect(heardOnDisk()).toEqual({ '3': said(1, 9) });
  });

  it('include a change whose write failed once a later change is written', async () => {
    const record = openNodeRecord(folder, 1, 'this');
    mkdirSync(join(folder, 'node.json.draft'));
    await expect(record.receive(2, said(2, 50))).rejects.toThrow('EISDIR');
    rmSync(join(folder, 'node.json.draft'), { recursive: true });
    await record.receive(3, said(1, 9));
    expect(openNodeRecord(folder, 1, 'this').heard()).toEqual({
      '2': said(2, 50),
      '3': said(1, 9),
    });
  });

  it('include the latest one of a node if many from that node arrive at once', async () => {
    const record = openNodeRecord(folder, 1, 'this');
    const counters = Array.from({ length: 20 }, (_, index) => index + 1);
    await Promise.all(counters.map((counter) => record.receive(2, said(2, counter))));
    expect(openNodeRecord(folder, 1, 'this').heard()).toEqual({ '2': said(2, 20) });
  });

  it('are not written to disk again when the same report arrives twice', async () => {
    const record = openNodeRecord(folder, 1, 'this');
    await record.receive(2, said(2, 50));
    const { ino } = statSync(join(folder, 'node.json'));
    await record.receive(2, said(2, 50));
    expect(statSync(join(folder, 'node.json')).ino).toBe(ino);
  });

  it('no longer include a node that was forgotten', async () => {
    const record = openNodeRecord(folder, 1, 'this');
    await record.receive(2, said(2, 50));
    await record.receive(3, said(1, 9));
    await record.forget(2);
    expect(openNodeRecord(folder, 1, 'this').heard()).toEqual({ '3': said(1, 9) });
  });
});

describe('the record of a node', () => {
  it('remembers whether the node was in the cluster', async () => {
    const record = openNodeRecord(folder, 1, 'this');
    await record.receive(2, said(1, 0));
    expect(openNodeRecord(folder, 1, 'this').isMember()).toBe(false);
    await record.enterCluster();
    expect(openNodeRecord(folder, 1, 'this').isMember()).toBe(true);
  });

  it('refuses the folder of another node, and says what to do', async () => {
    await openNodeRecord(folder, 2, 'this').enterCluster();
    expect(() => openNodeRecord(folder, 1, 'this')).toThrow(
      `the folder ${folder} belongs to node 2, and this is node 1: put back its own, or delete it`,
    );
    expect(openNodeRecord(folder, 2, 'this').start()).toBe(2);
  });

  it('makes its node exit with 78 in the folder of another node or cluster, or if the file is damaged', async () => {
    const exit78 = expect.objectContaining({ exitCode: 78 });
    await openNodeRecord(folder, 2, 'this').enterCluster();
    expect(() => openNodeRecord(folder, 1, 'this')).toThrow(exit78);
    expect(() => openNodeRecord(folder, 2, 'other')).toThrow(exit78);
    writeFileSync(join(folder, 'node.json'), '{');
    expect(() => openNodeRecord(folder, 2, 'this')).toThrow(exit78);
  });

  it('claims an empty folder for its node at once', () => {
    openNodeRecord(folder, 2, 'this');
    expect(() => openNodeRecord(folder, 1, 'this')).toThrow('belongs to node 2');
  });

  it.each(['', '{', '{"node":1,"start":1}', '{"node":1,"start":"1","member":true,"heard":{}}'])(
    'refuses a damaged file (%s), and says what to do',
    (text) => {
      writeFileSync(join(folder, 'node.json'), text);
      expect(() => openNodeRecord(folder, 1, 'this')).toThrow(
        /node\.json is damaged: wipe this node/,
      );
    },
  );
});

describe('the folder of a node', () => {
  const sentence =
    /holds the data of another cluster .*: if the other nodes serve, put the folder aside, .*; if none does, put back/;

  it('is not changed when it is refused because it belongs to another cluster', async () => {
    await openNodeRecord(folder, 1, 'before').enterCluster();
    for (const _ of [1, 2]) {
      expect(() => openNodeRecord(folder, 1, 'this')).toThrow(sentence);
    }
    expect(openNodeRecord(folder, 1, 'before').isMember()).toBe(true);
  });
});
