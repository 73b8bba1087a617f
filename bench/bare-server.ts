/**
 * The floor behind HTTP: a Node server that makes the floor's calls for each request and answers as many bytes as the
 * vault. The difference to the floor is the cost of HTTP itself.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Exchange } from './http.ts';
import type { Work } from './load.ts';
import { fileNames, newValue, type Operation } from './operations.ts';

/** Request and reply bodies for a value of 256 bytes, as long as the vault's own. */
const bodies: Readonly<Record<Operation, { readonly sent: number; readonly answered: number }>> = {
  create: { sent: 300, answered: 110 },
  update: { sent: 270, answered: 110 },
  get: { sent: 0, answered: 380 },
  version: { sent: 0, answered: 420 },
  versions: { sent: 0, answered: 800 },
  encrypt: { sent: 310 * fileNames, answered: 50 * fileNames },
  expand: { sent: 30 * fileNames, answered: 270 * fileNames },
};

const textOf = (length: number): string =>
  newValue()
    .repeat(Math.ceil(length / 256))
    .slice(0, length);

/** Sends headers like a client of the vault, because the length of the token counts too. */
export const bareExchange = (operation: Operation, client: number): Exchange => {
  const { sent } = bodies[operation];
  return {
    method: sent > 0 ? 'POST' : 'GET',
    path: `/${operation}/${client}`,
    headers: { Authorization: `Bearer ${textOf(400)}`, 'Content-Type': 'application/json' },
    body: textOf(sent),
  };
};

/** Serves on a free port until its process ends. `find` returns the work for each request. */
export const startBareServer = async (find: () => Work | undefined): Promise<string> => {
  const server = createServer(async (request, response) => {
    const [, operation = '', client = ''] = request.url?.split('/') ?? [];
    request.resume();
    await new Promise((resolve) => request.once('end', resolve));
    await find()?.(Number(client));
    response.setHeader('Content-Type', 'application/json');
    response.end(textOf(bodies[operation as Operation].answered));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
};
