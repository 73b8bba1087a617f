/** Connections through a forward proxy, by CONNECT. Node's own agents never give up a tunnel that stays silent. */
import { request } from 'node:http';
import type { Socket } from 'node:net';

/** Opens a connection to `host:port`. `signal` ends the attempt, not a connection that is open. */
export const openTunnel = (
  proxy: URL,
  host: string,
  port: number,
  signal: AbortSignal,
): Promise<Socket> =>
  new Promise((resolve, reject) => {
    const path = `${host}:${port}`;
    const headers = { Host: path };
    request({ host: proxy.hostname, port: proxy.port, method: 'CONNECT', path, headers, signal })
      .once('error', reject)
      .once('connect', ({ statusCode }, socket: Socket) => {
        if (statusCode === 200) return resolve(socket);
        socket.destroy();
        reject(new Error(`the proxy answered ${statusCode} to CONNECT ${path}`));
      })
      .once('response', (response) => {
        response.destroy();
        reject(new Error(`the proxy did not open a tunnel to ${path}`));
      })
      .end();
  });
