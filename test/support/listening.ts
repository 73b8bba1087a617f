/** Reads from /proc on which ports a process and its descendants listen. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

export type Listening = { readonly host: string; readonly port: number };

/** Returns the process and all its descendants. */
export const familyOf = (pid: number): number[] => {
  const children = readdirSync('/proc').filter((entry) => {
    try {
      const stat = readFileSync(`/proc/${entry}/stat`, 'utf8');
      return /^\d+$/.test(entry) && Number(stat.slice(stat.lastIndexOf(')')).split(' ')[2]) === pid;
    } catch {
      return false;
    }
  });
  return [pid, ...children.flatMap((child) => familyOf(Number(child)))];
};

const socketsOf = (pid: number): string[] =>
  readdirSync(`/proc/${pid}/fd`).flatMap((descriptor) => {
    try {
      return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${descriptor}`))?.[1] ?? [];
    } catch {
      return [];
    }
  });

/**
 * Returns an address in the usual form, such as `127.0.0.1`, from the form in /proc. There, the
 * kernel writes the bytes of an IPv4 address in hexadecimal, in reverse order.
 */
const hostOf = (hex: string): string => {
  const bytes = hex.match(/../g)?.map((byte) => Number.parseInt(byte, 16)) ?? [];
  if (bytes.length === 4) return bytes.reverse().join('.');
  return hex === '00000000000000000000000001000000' ? '::1' : hex;
};

/**
 * Returns the TCP sockets on which these processes listen. An IPv6 address other than `::1` stays
 * in hexadecimal.
 */
export const listeningOf = (pids: readonly number[]): Listening[] => {
  const sockets = new Set(pids.flatMap(socketsOf));
  const rows = ['tcp', 'tcp6'].flatMap((table) =>
    readFileSync(`/proc/net/${table}`, 'utf8').trim().split('\n').slice(1),
  );
  return rows.flatMap((row) => {
    const [, local = '', , state, , , , , , inode = ''] = row.trim().split(/\s+/);
    if (state !== '0A' || !sockets.has(inode)) return [];
    const [host = '', port = ''] = local.split(':');
    return [{ host: hostOf(host), port: Number.parseInt(port, 16) }];
  });
};
