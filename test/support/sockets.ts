/**
 * Clients that speak HTTP byte by byte, for example to send half a request, or not to read a reply.
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';

/** Connects a client that reads nothing yet. */
export const openSocket = async (url: string): Promise<Socket> => {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port) });
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  return socket;
};

/** Reads until the server closes or breaks the connection. Returns all bytes as Latin-1. */
export const readAll = async (socket: Socket): Promise<string> => {
  let read = '';
  socket.setEncoding('latin1').on('data', (chunk: string) => {
    read += chunk;
  });
  if (!socket.closed) await new Promise((resolve) => socket.once('close', resolve));
  return read;
};

/** Sends all bytes at once, and reads until the server closes the connection. */
export const exchangeBytes = async (url: string, sent: string): Promise<string> => {
  const socket = await openSocket(url);
  socket.write(sent);
  return text(socket);
};
