/**
 * Models what a disk may hold after the power is cut: everything that was synced, and of each later
 * write any of its sectors. Names are kept in one of two ways.
 *
 * `ordered`, as ext4 does it: new, changed and removed names reach the disk in their order, and the
 * sync of any file writes them.
 *
 * `strict`, as little as POSIX promises: a name is on the disk only after a sync of its folder, and
 * any later change of names may or may not be there. If a write that made a file grow is lost, that
 * part of the file may contain any bytes.
 *
 * After a sync that failed, programs still read what it was to write, but no later sync writes it:
 * Linux counts those pages as clean. Only writing the bytes once more can bring them to the disk.
 */
import { dirname } from 'node:path';
import type { Random } from '../adversary/random.ts';
import { intBelow } from '../adversary/random.ts';
import type { Change, Event } from './events.ts';

export type Names = 'ordered' | 'strict';

export type Cut = {
  readonly random: Random;
  readonly names: Names;
  readonly sectorBytes: 512 | 4_096;
  /** The probability, from 0 to 1, with which each unsynced change has reached the disk. */
  readonly kept: number;
};

/** What a folder contains, by path: the bytes of a file, or `undefined` for a folder. */
export type Content = ReadonlyMap<string, Buffer | undefined>;

/** Bytes that can grow: the first `length` bytes of `buffer`. */
type Bytes = { buffer: Buffer; length: number };
type FileChange =
  | { readonly at: number; bytes: Buffer; isOver: boolean; isClean?: boolean }
  | { readonly size: number; isOver: boolean };
type File = {
  readonly durable: Bytes;
  pending: FileChange[];
  /** The length that programs see, which includes the pending changes. */
  size: number;
};
type NameChange = {
  readonly path: string;
  /** What the name refers to after the change: a file, a folder, or nothing. */
  readonly node: File | 'folder' | undefined;
  /** If the change renames something, its name before. */
  readonly from?: string | undefined;
};
type Tree = Map<string, File | 'folder'>;

const bytesFrom = (buffer: Buffer): Bytes => ({ buffer, length: buffer.length });
const bufferOf = ({ buffer, length }: Bytes): Buffer => buffer.subarray(0, length);

/** Shortens the bytes, or appends zeros. */
const resize = (bytes: Bytes, length: number): void => {
  if (length > bytes.buffer.length) {
    const grown = Buffer.alloc(2 * length);
    bufferOf(bytes).copy(grown);
    bytes.buffer = grown;
  }
  bytes.buffer.fill(0, length, Math.max(length, bytes.length));
  bytes.length = length;
};
const write = (bytes: Bytes, at: number, part: Uint8Array): void => {
  resize(bytes, Math.max(bytes.length, at + part.length));
  bytes.buffer.set(part, at);
};
const apply = (bytes: Bytes, change: FileChange): void => {
  if ('at' in change) write(bytes, change.at, change.bytes);
  else resize(bytes, change.size);
};
/** Whether a sync should have written this but failed, so that no later sync writes it. */
const isClean = (change: FileChange): boolean => 'at' in change && change.isClean === true;

/** Applies a later change, which is on the disk, to the bytes of an earlier, overlapping one. */
const overwrite = (earlier: FileChange, later: FileChange): void => {
  if (!('at' in earlier)) return;
  const { at, bytes } = earlier;
  if (!('at' in later)) {
    earlier.bytes = bytes.subarray(0, Math.max(0, later.size - at));
    return;
  }
  const begin = Math.max(at, later.at);
  const end = Math.min(at + bytes.length, later.at + later.bytes.length);
  if (begin >= end) return;
  earlier.bytes = Buffer.from(bytes);
  earlier.bytes.set(later.bytes.subarray(begin - later.at, end - later.at), begin - at);
};
const grows = (bytes: Bytes, change: FileChange): boolean =>
  'at' in change ? change.at + change.bytes.length > bytes.length : true;

const rename = (tree: Tree, { path, node, from }: NameChange): void => {
  if (from !== undefined) tree.delete(from);
  if (node === undefined) tree.delete(path);
  else tree.set(path, node);
};

/** Models the disk below a folder that is empty at first. */
export const createDisk = (root: string, names: Names) => {
  const seen: Tree = new Map([[root, 'folder']]);
  const durable: Tree = new Map(seen);
  let pendingNames: NameChange[] = [];
  /**
   * By running sync, the changes that the sync will write: those whose calls had returned when it
   * began.
   */
  const covered = new Map<Event, { readonly files: FileChange[]; readonly names: NameChange[] }>();
  const begun = new Map<Event, { readonly file: File; readonly change: FileChange }>();

  const fileAt = (path: string): File => {
    const node = seen.get(path);
    if (node === undefined || node === 'folder') throw new Error(`there is no file ${path}`);
    return node;
  };
  const changeName = (change: NameChange): void => {
    rename(seen, change);
    pendingNames.push(change);
  };
  const beginChange = (event: Event, file: File, change: FileChange): void => {
    file.pending.push(change);
    file.size = 'at' in change ? Math.max(file.size, change.at + change.bytes.length) : change.size;
    begun.set(event, { file, change });
  };

  const begin = (event: Event): void => {
    const { change } = event;
    if (change.kind === 'write' || change.kind === 'append') {
      const file = fileAt(change.path);
      const at = change.kind === 'append' ? file.size : change.at;
      beginChange(event, file, { at, bytes: change.bytes, isOver: false });
    } else if (change.kind === 'truncate') {
      beginChange(event, fileAt(change.path), { size: change.size, isOver: false });
    } else if (change.kind === 'sync') {
      const node = seen.get(change.path);
      const files = node === undefined || node === 'folder' ? [] : node.pending;
      const isOfNames = (name: NameChange): boolean =>
        names === 'strict'
          ? node === 'folder' && dirname(name.path) === change.path
          : change.isWhole ||
            (typeof node === 'object' && files.some((one) => grows(node.durable, one)));
      covered.set(event, {
        files: files.filter((one) => one.isOver && !isClean(one)),
        names: pendingNames.filter(isOfNames),
      });
    }
  };

  const endSync = (event: Event, path: string, fails: boolean): void => {
    const { files = [], names: toKeep = [] } = covered.get(event) ?? {};
    covered.delete(event);
    if (fails) {
      for (const change of files) if ('at' in change) change.isClean = true;
      return;
    }
    const node = seen.get(path);
    if (typeof node === 'object') {
      for (const change of files) {
        const place = node.pending.indexOf(change);
        if (place < 0) continue;
        apply(node.durable, change);
        for (const one of node.pending.slice(0, place).filter(isClean)) overwrite(one, change);
      }
      node.pending = node.pending.filter((change) => !files.includes(change));
    }
    for (const change of toKeep) {
      if (pendingNames.includes(change)) rename(durable, change);
    }
    pendingNames = pendingNames.filter((change) => !toKeep.includes(change));
  };

  const end = (event: Event): void => {
    const { change } = event;
    const ofFile = begun.get(event);
    if (ofFile) ofFile.change.isOver = true;
    begun.delete(event);
    if (change.kind === 'sync') endSync(event, change.path, change.fails);
    else endName(change);
  };
  const endName = (change: Change): void => {
    if (change.kind === 'make') {
      if (seen.has(change.path)) return;
      const node = change.isFolder
        ? 'folder'
        : { durable: bytesFrom(Buffer.alloc(0)), pending: [], size: 0 };
      changeName({ path: change.path, node });
    } else if (change.kind === 'link') {
      changeName({ path: change.path, node: fileAt(change.from) });
    } else if (change.kind === 'rename') {
      changeName({ path: change.path, node: fileAt(change.from), from: change.from });
    } else if (change.kind === 'remove') changeName({ path: change.path, node: undefined });
  };

  /** Returns the content that programs see, which includes the pending changes. */
  const seenContent = (): Content =>
    new Map(
      [...seen].map(([path, node]) => {
        if (node === 'folder') return [path, undefined];
        const bytes = bytesFrom(Buffer.from(bufferOf(node.durable)));
        for (const change of node.pending) apply(bytes, change);
        return [path, bufferOf(bytes)];
      }),
    );

  /**
   * Takes over the real content after the program has died. A call that did not return may have
   * taken effect in part.
   */
  const settle = (now: Content): void => {
    for (const { file, change } of begun.values()) {
      const [path] = [...seen].find(([, node]) => node === file) ?? [];
      const bytes = path === undefined ? undefined : now.get(path);
      change.isOver = true;
      if (bytes === undefined) continue;
      if ('at' in change) {
        const there = bytes.subarray(change.at, change.at + change.bytes.length);
        change.bytes = Buffer.from(there);
      } else if (bytes.length !== change.size)
        file.pending = file.pending.filter((one) => one !== change);
      file.size = bytes.length;
    }
    begun.clear();
    covered.clear();
  };

  const keptNames = ({ random, kept }: Cut): Tree => {
    const tree: Tree = new Map(durable);
    if (names === 'ordered') {
      const end = random() < kept ? pendingNames.length : intBelow(random, pendingNames.length + 1);
      for (const change of pendingNames.slice(0, end)) rename(tree, change);
    } else {
      for (const change of pendingNames) if (random() < kept) rename(tree, change);
    }
    return tree;
  };
  const keptBytes = (file: File, { random, kept, sectorBytes }: Cut): Buffer => {
    const bytes = bytesFrom(Buffer.from(bufferOf(file.durable)));
    const { length } = bytes;
    if (names === 'strict' && file.size > length && random() < 0.5) {
      resize(bytes, file.size);
      for (let at = length; at < file.size; at += 1) bytes.buffer[at] = intBelow(random, 256);
    }
    for (const change of file.pending) {
      if (!('at' in change)) {
        if (random() < kept) resize(bytes, change.size);
        continue;
      }
      const end = change.at + change.bytes.length;
      for (let at = change.at; at < end; ) {
        const next = Math.min(end, (Math.floor(at / sectorBytes) + 1) * sectorBytes);
        const part = change.bytes.subarray(at - change.at, next - change.at);
        if (random() < kept) write(bytes, at, part);
        at = next;
      }
    }
    return bufferOf(bytes);
  };

  /** Returns what the disk may hold if the power is cut now. */
  const cut = (chosen: Cut): Content => {
    const tree = keptNames(chosen);
    const content = new Map<string, Buffer | undefined>();
    for (const [path, node] of tree) {
      const isLost = [...parents(path, root)].some((folder) => !tree.has(folder));
      if (!isLost) content.set(path, node === 'folder' ? undefined : keptBytes(node, chosen));
    }
    return content;
  };

  return { begin, end, settle, cut, seenContent };
};

function* parents(path: string, root: string): Generator<string> {
  for (let folder = path; folder !== root; ) {
    folder = dirname(folder);
    yield folder;
  }
}
