/**
 * Reads from a trace what a vault did to the files of a folder, and what it sent to its callers.
 */
import { resolve } from 'node:path';
import { bytesOf, type Call } from './strace.ts';

export type Change =
  | { readonly kind: 'write'; readonly path: string; readonly at: number; readonly bytes: Buffer }
  | { readonly kind: 'append'; readonly path: string; readonly bytes: Buffer }
  | { readonly kind: 'truncate'; readonly path: string; readonly size: number }
  | { readonly kind: 'make'; readonly path: string; readonly isFolder: boolean }
  | { readonly kind: 'link' | 'rename'; readonly path: string; readonly from: string }
  | { readonly kind: 'remove'; readonly path: string }
  | {
      readonly kind: 'sync';
      readonly path: string;
      readonly isWhole: boolean;
      readonly fails: boolean;
    }
  /** The vault begins to send a reply with this request id. */
  | { readonly kind: 'reply'; readonly requestId: string };

/** A change, and when its call began and returned, as line numbers of the trace. */
export type Event = {
  readonly change: Change;
  readonly begin: number;
  readonly end: number | undefined;
};

/** Decodes a path, or the path that strace prints after a descriptor. */
const pathOf = (arg = ''): string => bytesOf(arg).toString();

/** Whether SQLite maps this file into memory, and makes it again after a crash. */
const isMapped = (path: string): boolean => path.endsWith('-shm');

const isError = (result: string | undefined): boolean => result?.startsWith('-') ?? false;

const requestIdIn = (args: readonly string[]): string | undefined =>
  /^x-request-id: *(\S+)/im.exec(bytesOf(args.slice(1).join()).toString('latin1'))?.[1];

/**
 * Returns the events below `root`; paths in the trace are absolute. Throws if a call changes a file
 * there in a way that the model does not know.
 */
export const eventsOf = (calls: readonly Call[], root: string): readonly Event[] => {
  /** By descriptor, the position in the file at which its next `write` begins. */
  const positions = new Map<string, number | 'end'>();
  const isBelow = (path: string): boolean => path.startsWith(`${root}/`) && !isMapped(path);

  const opened = ({ args, result = '' }: Call): readonly Change[] => {
    const [, , flags = ''] = args;
    const path = pathOf(result);
    const descriptor = /^\d+/.exec(result)?.[0] ?? '';
    positions.set(descriptor, flags.includes('O_APPEND') ? 'end' : 0);
    if (!isBelow(path)) return [];
    return [
      ...(flags.includes('O_CREAT') ? [{ kind: 'make', path, isFolder: false } as const] : []),
      ...(flags.includes('O_TRUNC') ? [{ kind: 'truncate', path, size: 0 } as const] : []),
    ];
  };
  const written = ({ args }: Call): readonly Change[] => {
    const [target = '', text = ''] = args;
    const descriptor = /^\d+/.exec(target)?.[0] ?? '';
    const position = positions.get(descriptor) ?? 0;
    const [path, bytes] = [pathOf(target), bytesOf(text)];
    if (position === 'end') return [{ kind: 'append', path, bytes }];
    positions.set(descriptor, position + bytes.length);
    return [{ kind: 'write', path, at: position, bytes }];
  };
  /** Returns the changes by a call on a descriptor of a file below `root`. */
  const onDescriptor = (call: Call): readonly Change[] => {
    const { name, args, result } = call;
    const path = pathOf(args[0]);
    const fails = isError(result);
    if (name === 'fsync' || name === 'fdatasync') {
      return [{ kind: 'sync', path, isWhole: name === 'fsync', fails }];
    }
    if (fails) return [];
    if (name === 'pwrite64') {
      return [{ kind: 'write', path, at: Number(args[3]), bytes: bytesOf(args[1] ?? '') }];
    }
    if (name === 'write') return written(call);
    if (name === 'ftruncate') return [{ kind: 'truncate', path, size: Number(args[1]) }];
    throw new Error(`a call that the model does not know: ${name} of ${path}`);
  };
  const onPaths = ({ name, args }: Call): readonly Change[] => {
    const [first = '', second = ''] = args.map((arg) => resolve(pathOf(arg)));
    if (name === 'rename' || name === 'link') {
      return [{ kind: name, from: first, path: second }];
    }
    if (name === 'unlink') return [{ kind: 'remove', path: first }];
    if (name === 'mkdir') return [{ kind: 'make', path: first, isFolder: true }];
    throw new Error(`a call that the model does not know: ${name} of ${first}`);
  };
  const changesOf = (call: Call): readonly Change[] => {
    const { name, args, result } = call;
    const fails = isError(result);
    if (name === 'openat') return fails ? [] : opened(call);
    if (/^\d+<\\x/.test(args[0] ?? '')) {
      const path = pathOf(args[0]);
      if (isBelow(path) || path === root) {
        return args[0]?.endsWith('(deleted)') ? [] : onDescriptor(call);
      }
      if (fails) return [];
      const isToCaller = /^(socket|TCP)/.test(path) && name.startsWith('write');
      const requestId = isToCaller ? requestIdIn(args) : undefined;
      return requestId === undefined ? [] : [{ kind: 'reply', requestId }];
    }
    const paths = args.map((arg) => resolve(pathOf(arg)));
    return !fails && paths.some(isBelow) ? onPaths(call) : [];
  };
  return calls.flatMap((call) =>
    changesOf(call).map((change) => ({ change, begin: call.begin, end: call.end })),
  );
};
