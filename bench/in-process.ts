/**
 * A separate process with the parts of `npm start` except the HTTP server. Messages from the bench load bare
 * AWS calls (`floor`) or the functions' handlers (`handlers`). A message has one answer; the first is the
 * address at which the process makes the bare calls over HTTP.
 */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { KMSClient } from '@aws-sdk/client-kms';
import { clientOptions, trimmed } from '../functions/runtime/clients.ts';
import { type Handler, pathOf, toContext, toEvent } from '../local/gateway/lambda.ts';
import { openTokenKey } from '../local/identity/token-key.ts';
import { createFindRoute, type Route, readTemplate } from '../local/template.ts';
import { startServices } from '../local/vaults/standalone.ts';
import { startBareServer } from './bare-server.ts';
import { createPerform, type Description } from './described.ts';
import { prepareFloor } from './floor.ts';
import type { Send } from './http.ts';
import { runClosed, type Work } from './load.ts';
import { type Operation, type Prepare, prepareVault } from './operations.ts';

export type InProcess = 'floor' | 'handlers';
export type Order =
  /** The first order; `folder` must be empty. */
  | { readonly order: 'start'; readonly folder: string; readonly vault: Description }
  | {
      readonly order: 'prepare';
      readonly what: InProcess;
      readonly operation: Operation;
      readonly clients: number;
    }
  | {
      readonly order: 'run';
      readonly what: InProcess;
      readonly clients: number;
      readonly forMs: number;
    }
  | { readonly order: 'close' };

const root = join(import.meta.dirname, '..');

/** Passes each request to its handler, as the gateway does after reading it. */
const sendToHandlers = async (routes: readonly Route[]): Promise<Send> => {
  const handlers = new Map<string, Handler>();
  for (const { operation, entryPoint } of routes) {
    const { handler } = await import(pathToFileURL(join(root, entryPoint)).href);
    handlers.set(operation, handler);
  }
  const findRoute = createFindRoute(routes);
  return async (_, { method, path: target, headers = {}, body = '' }) => {
    const found = findRoute(method, pathOf(target));
    const handler = found && 'route' in found ? handlers.get(found.route.operation) : undefined;
    if (!found || !('route' in found) || !handler) throw new Error(`no handler for ${target}`);
    const { route, pathParameters } = found;
    const rawHeaders = Object.entries(headers).flat();
    const received = { method, target, rawHeaders, body: Buffer.from(body), sourceIp: '127.0.0.1' };
    const requestId = randomUUID();
    const event = toEvent(received, route, pathParameters, requestId);
    const result = await handler(event, toContext(route, requestId));
    return { status: result.statusCode, text: result.body };
  };
};

const start = async (folder: string, vault: Description) => {
  const { routes, table } = await readTemplate();
  const report = (line: string) => void process.stderr.write(`${line}\n`);
  const services = await startServices({ folder, store: 'dynoxide', table, report });
  const { vaultId, tableName, masterKeyId } = services.running;
  const dynamodb = new DynamoDBClient({ maxAttempts: 1 });
  // The embedded master key is in this process and has no address.
  const kms = trimmed(new KMSClient(clientOptions()));
  const claims = { tenant: 'bench', sub: 'bench', scope: 'secrets:read secrets:write' };
  const token = await (await openTokenKey(folder)).issue(claims, 3_600);
  const send = await sendToHandlers(routes);
  const perform = createPerform(vault, send, { TOKEN: token });
  const prepare: Record<InProcess, Prepare> = {
    floor: await prepareFloor({ dynamodb, kms, vaultId, tableName, masterKeyId }),
    handlers: prepareVault(vault, perform, send, token),
  };
  const url = await startBareServer(() => works.get('floor'));
  return { close: services.close, prepare, url };
};

let started: Awaited<ReturnType<typeof start>> | undefined;
const works = new Map<InProcess, Work>();

/** Carries out an order and returns the answer. */
const obey = async (given: Order): Promise<unknown> => {
  switch (given.order) {
    case 'start':
      started = await start(given.folder, given.vault);
      return started.url;
    case 'prepare': {
      const work = await started?.prepare[given.what](given.operation, given.clients);
      if (work !== undefined) works.set(given.what, work);
      return work !== undefined;
    }
    case 'run': {
      const work = works.get(given.what);
      if (work === undefined) throw new Error('nothing is prepared');
      return await runClosed(work, given.clients, given.forMs);
    }
    case 'close':
      return await started?.close();
  }
};

process.on('message', (given: Order) => {
  void obey(given).then(
    (result) => process.send?.({ result }),
    (error: Error) => process.send?.({ error: error.stack }),
  );
});
// The parent process has ended, or wants nothing more.
process.on('disconnect', () => process.exit());
