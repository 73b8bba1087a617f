import { expect, it } from '@jest/globals';
import { watchRoom } from '../../../../host/process/room.ts';

it('watchRoom reports once that a disk is nearly full or a file was moved, and once that this is over', async () => {
  const lines: string[] = [];
  const lows: boolean[] = [];
  let moved: string | undefined;
  const mebibyte = 1_048_576;
  let room: number | Error = 100 * mebibyte;
  const measure = async (folder: string): Promise<number> => {
    expect(folder).toBe('/data');
    if (room instanceof Error) throw room;
    return room;
  };
  const { look, close } = watchRoom(
    '/data',
    () => moved,
    (line, isLow) => {
      lines.push(line);
      lows.push(isLow);
    },
    measure,
  );
  const after = async (next: number | Error): Promise<number> => {
    room = next;
    await look();
    return lines.length;
  };
  expect([await after(20 * mebibyte), await after(10 * mebibyte)]).toEqual([0, 1]);
  expect(await after(0)).toBe(1);
  expect(await after(new Error('ENOENT'))).toBe(1);
  expect([await after(50 * mebibyte), await after(50 * mebibyte)]).toEqual([2, 2]);
  expect(await after(1_536)).toBe(3);
  expect(lines).toEqual([
    'the disk of /data has 10240 KiB left: every write is refused until there is room',
    'the disk of /data has space again',
    'the disk of /data has 1 KiB left: every write is refused until there is room',
  ]);
  moved = '/data/it';
  expect([await after(1_536), await after(50 * mebibyte)]).toEqual([4, 5]);
  moved = undefined;
  expect(await after(50 * mebibyte)).toBe(6);
  expect(lines.slice(3)).toEqual([
    '/data/it was moved, replaced or deleted: every write is refused until it is put back',
    'the disk of /data has space again',
    'the files of /data are back',
  ]);
  expect(lows).toEqual([true, false, true, true, false, false]);
  close();
});
