/**
 * The ports and addresses of this machine: those that a program is given, and those of its
 * children.
 */
import { connect, createServer } from 'node:net';
import { codeOf, failure, misconfigured, sentenceOf } from '../../system/failures.ts';

/**
 * Reads a port from a variable. Throws a user-facing error unless it is a number from `least` to
 * 65535.
 */
export const readPort = (preset: number, name = 'PORT', least = 0): number => {
  const text = process.env[name] || String(preset);
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (port >= least && port <= 65_535) return port;
  throw misconfigured(`${name} must be a number from ${least} to 65535`);
};

/** The address on which a vault listens: `HOST`, by default 127.0.0.1. */
export const readHost = (): string => process.env['HOST'] || '127.0.0.1';

/**
 * Turns the system's error for a port on which this process cannot listen into a user-facing error.
 * The message names the variables `PORT` and `HOST`, each with `prefix` before it.
 */
export const portRefused = (host: string, port: number, error: unknown, prefix = ''): Error => {
  const variables = { port: `${prefix}PORT`, host: `${prefix}HOST` };
  const reasons: Readonly<Record<string, string>> = {
    EADDRINUSE: `is in use: stop what listens there, or set ${variables.port} to another (0: any free one)`,
    EACCES: `may not be used by this user: set ${variables.port} to one above 1023`,
    EADDRNOTAVAIL: `is not available: ${variables.host} is not an address of this machine`,
    ENOTFOUND: `is not available: ${variables.host} is not an address of this machine`,
  };
  const reason = reasons[codeOf(error) ?? ''] ?? `is not available (${sentenceOf(error)})`;
  return failure(`port ${port} of ${host} ${reason}`, { cause: error });
};

/**
 * Listens on this port for a moment. Resolves to the system's error if that fails, and otherwise to
 * `undefined`.
 */
const errorOfListening = (port: number, host: string): Promise<unknown> =>
  new Promise((resolve) => {
    const server = createServer().once('error', resolve);
    server.listen(port, host, () => server.close(() => resolve(undefined)));
  });

/** Whether this port of the address is free; port 0 means any port. */
export const isFree = async (port: number, host = '127.0.0.1'): Promise<boolean> =>
  (await errorOfListening(port, host)) === undefined;

/**
 * Throws the error of `portRefused` if this process cannot listen there. A program calls this
 * before it writes anything.
 */
export const requireFreePort = async (host: string, port: number, prefix = ''): Promise<void> => {
  const error = await errorOfListening(port, host);
  if (error !== undefined) throw portRefused(host, port, error, prefix);
};

/** Whether a server accepts connections at this port of the address. */
export const isServed = (port: number, host = '127.0.0.1'): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect({ host, port });
    const settle = (isThere: boolean) => {
      socket.destroy();
      resolve(isThere);
    };
    socket.once('connect', () => settle(true)).once('error', () => settle(false));
  });

/** Whether a server answers a GET of this URL with success. */
export const isOk = async (url: string): Promise<boolean> => {
  try {
    return (await fetch(url)).ok;
  } catch {
    return false;
  }
};

/**
 * Ports for children are below the ports that systems use for outgoing connections, and apart from
 * the ports of clusters. A child that died is restarted on its port, so no other process may have
 * taken that port meanwhile.
 */
const childPorts = { from: 20_000, to: 32_000 };

/**
 * Returns a port for a child that is free at `host` and at 127.0.0.1, where the child may check
 * whether its port is in use. Throws a user-facing error if 100 random ports are in use.
 */
export const findFreePort = async (host = '127.0.0.1'): Promise<number> => {
  const { from, to } = childPorts;
  for (let tries = 0; tries < 100; tries += 1) {
    const port = from + Math.floor(Math.random() * (to - from));
    if ((await isFree(port)) && (await isFree(port, host))) return port;
  }
  throw failure(`no port of ${host} between ${from} and ${to} was found free`);
};
