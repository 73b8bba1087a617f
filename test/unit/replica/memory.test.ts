import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { openNodeMemory } from '../../../local/replica/memory.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'vault-memory-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const said = (start: number, appliedRevision: number) => ({ start, appliedRevision });

describe("a node's memory", () => {
  it('counts the starts that came so far that the others could be told of them, and no other', async () => {
    for (const start of [1, 2, 3]) {
      expect(openNodeMemory(folder, 1).start()).toBe(start);
      const memory = openNodeMemory(folder, 1);
      expect(memory.start()).toBe(start);
      await memory.hear(2, said(start, 0));
      await memory.enterLog();
    }
  });

  it('keeps whether the node has ever been in the log', async () => {
    const memory = openNodeMemory(folder, 1);
    await memory.hear(2, said(1, 0));
    expect(openNodeMemory(folder, 1).isMember()).toBe(false);
    await memory.enterLog();
    expect(openNodeMemory(folder, 1).isMember()).toBe(true);
  });

  it('counts on from what another node remembers, never back', async () => {
    const memory = openNodeMemory(folder, 1);
    memory.startAfter(7);
    expect(memory.start()).toBe(8);
    memory.startAfter(3);
    expect(memory.start()).toBe(8);
    await memory.enterLog();
    expect(openNodeMemory(folder, 1).start()).toBe(9);
  });

  it('keeps the furthest that another node was heard to be, over its own starts', async () => {
    const memory = openNodeMemory(folder, 1);
    await memory.hear(2, said(2, 50));
    await memory.hear(2, said(2, 40));
    await memory.hear(2, said(1, 90));
    expect(memory.heard()).toEqual({ '2': { start: 2, appliedRevision: 50 } });
    await memory.hear(2, said(2, 60));
    expect(openNodeMemory(folder, 1).heard()).toEqual({ '2': { start: 2, appliedRevision: 60 } });
  });

  it('says that it keeps what it heard only when the disk has it, however often it hears it', async () => {
    const memory = openNodeMemory(folder, 1);
    const onDisk = () => JSON.parse(readFileSync(join(folder, 'node.json'), 'utf8')).heard;
    const first = memory.hear(2, said(2, 50));
    await memory.hear(2, said(2, 50));
    expect(onDisk()).toEqual({ '2': said(2, 50) });
    await first;
    const away = `${folder}-away`;
    renameSync(folder, away);
    await expect(memory.hear(3, said(1, 9))).rejects.toThrow('ENOENT');
    await expect(memory.hear(3, said(1, 9))).rejects.toThrow('ENOENT');
    renameSync(away, folder);
    await memory.hear(3, said(1, 9));
    expect(onDisk()).toEqual({ '2': said(2, 50), '3': said(1, 9) });
  });

  it('follows a node that starts anew with less', async () => {
    const memory = openNodeMemory(folder, 1);
    await memory.hear(2, said(2, 50));
    await memory.hear(2, said(3, 10));
    expect(memory.heard()).toEqual({ '2': { start: 3, appliedRevision: 10 } });
  });

  it('forgets a node whose place is made anew, and no other', async () => {
    const memory = openNodeMemory(folder, 1);
    await memory.hear(2, said(2, 50));
    await memory.hear(3, said(1, 9));
    await memory.forget(2);
    expect(openNodeMemory(folder, 1).heard()).toEqual({ '3': { start: 1, appliedRevision: 9 } });
  });

  it('keeps the last of changes that come at once, whole', async () => {
    const memory = openNodeMemory(folder, 1);
    const revisions = Array.from({ length: 20 }, (_, index) => index + 1);
    await Promise.all(revisions.map((revision) => memory.hear(2, said(2, revision))));
    expect(openNodeMemory(folder, 1).heard()).toEqual({ '2': { start: 2, appliedRevision: 20 } });
  });

  it('keeps what follows a change that could not be kept', async () => {
    const memory = openNodeMemory(folder, 1);
    mkdirSync(join(folder, 'node.json.draft'));
    await expect(memory.hear(2, said(2, 50))).rejects.toThrow('EISDIR');
    rmSync(join(folder, 'node.json.draft'), { recursive: true });
    await memory.hear(3, said(1, 9));
    expect(openNodeMemory(folder, 1).heard()).toEqual({
      '2': { start: 2, appliedRevision: 50 },
      '3': { start: 1, appliedRevision: 9 },
    });
  });

  it('keeps that it has diverged', async () => {
    const memory = openNodeMemory(folder, 1);
    expect(memory.diverged()).toBeUndefined();
    await memory.setDiverged('it differs');
    expect(openNodeMemory(folder, 1).diverged()).toBe('it differs');
  });

  it('keeps by what it differs while that is undecided, and that it is settled', async () => {
    const memory = openNodeMemory(folder, 1);
    const undecided = [{ node: 2, start: 4, of: 'items' as const, revision: 9 }];
    await memory.setDiverged('it differs', undecided);
    expect(openNodeMemory(folder, 1).undecided()).toEqual(undecided);
    await memory.setEqual();
    const later = openNodeMemory(folder, 1);
    expect([later.diverged(), later.undecided()]).toEqual([undefined, undefined]);
  });

  it('does not write what it knows already', async () => {
    const memory = openNodeMemory(folder, 1);
    await memory.hear(2, said(2, 50));
    const { ino } = statSync(join(folder, 'node.json'));
    await memory.hear(2, said(2, 50));
    expect(statSync(join(folder, 'node.json')).ino).toBe(ino);
  });

  it("refuses another node's folder, and says what to do", async () => {
    await openNodeMemory(folder, 2).enterLog();
    expect(() => openNodeMemory(folder, 1)).toThrow(
      `the folder ${folder} is node 2's, and this is node 1: put back its own, or delete it`,
    );
    expect(openNodeMemory(folder, 2).start()).toBe(2);
  });

  it('takes a folder for its own that says nothing, as those from before', async () => {
    writeFileSync(join(folder, 'node.json'), '{"start":4,"diverged":null,"heard":{}}');
    expect(openNodeMemory(folder, 2).start()).toBe(5);
    expect(openNodeMemory(folder, 2).isMember()).toBe(true);
    expect(() => openNodeMemory(folder, 1)).toThrow(/is node 2's, and this is node 1/);
  });

  it.each(['', '{', '{"start":1}', '{"start":"1","diverged":null,"heard":{}}'])(
    'refuses a damaged file (%s) and says what to do',
    (text) => {
      writeFileSync(join(folder, 'node.json'), text);
      expect(() => openNodeMemory(folder, 1)).toThrow(/node\.json is damaged: wipe this node/);
    },
  );
});
