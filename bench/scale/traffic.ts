/** Counts the bytes that this process exchanges as a client, over all its connections. */
import { subscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';

const open = new Set<Socket>();
let ofClosed = 0;

const bytesOf = ({ bytesRead, bytesWritten }: Socket): number => bytesRead + bytesWritten;

subscribe('net.client.socket', (message) => {
  const { socket } = message as { readonly socket: Socket };
  open.add(socket);
  socket.once('close', () => {
    open.delete(socket);
    ofClosed += bytesOf(socket);
  });
});

/** The number of bytes since this module was loaded. */
export const bytesExchanged = (): number =>
  [...open].reduce((sum, socket) => sum + bytesOf(socket), ofClosed);
