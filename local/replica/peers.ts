/**
 * The port on which nodes speak with each other, beside the log: reports, places in the log, snapshots. Every request
 * must carry the cluster's secret.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { type IncomingMessage, request, type ServerResponse } from 'node:http';
import { createBoundedServer, type Exchange } from '../bounded-server.ts';
import { bounds } from '../bounds.ts';
import { failure, sentenceOf } from '../command.ts';
import { isFromPage } from '../web-pages.ts';
import type { NodeAddress, NodeConfig } from './config.ts';

/** Answers a request; a string is sent as JSON text, anything else writes the response itself. */
export type PeerRoute = (body: string, response: ServerResponse) => Promise<string | undefined>;

export type PeerServer = { readonly close: () => Promise<void> };

const bodyBytesMax = 1_048_576;

const textOf = async (message: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of message) {
    bytes += chunk.length;
    if (bytes > bodyBytesMax) throw new Error('the message is too long');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
};

const hashOf = (text: string): Buffer => createHash('sha256').update(text).digest();

/** Serves `routes`, by `POST /exchange` and the like. */
export const servePeers = async (
  config: NodeConfig,
  secret: string,
  routes: ReadonlyMap<string, PeerRoute>,
): Promise<PeerServer> => {
  const expected = hashOf(`Bearer ${secret}`);
  const respond = async (exchange: Exchange): Promise<void> => {
    const { request: incoming, response, readBody } = exchange;
    if (isFromPage(incoming)) return void response.writeHead(403).end();
    const said = hashOf(incoming.headers.authorization ?? '');
    const route = routes.get(`${incoming.method} ${incoming.url}`);
    if (!timingSafeEqual(said, expected)) return void response.writeHead(401).end();
    if (route === undefined) return void response.writeHead(404).end();
    try {
      const body = await readBody(bodyBytesMax);
      if (typeof body === 'string') throw new Error(`the message is ${body}`);
      const text = await route(body.toString('utf8'), response);
      if (text !== undefined) response.writeHead(200).end(text);
    } catch (error) {
      if (response.headersSent) return void response.destroy();
      response.writeHead(500).end(sentenceOf(error));
    }
  };
  const server = createBoundedServer({ bounds, respond });
  const { peerPort } = addressOf(config, config.node);
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) =>
      reject(failure(`the node-to-node port ${peerPort} cannot be had: ${sentenceOf(error)}`)),
    );
    server.listen(peerPort, config.peerHost, resolve);
  });
  return {
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
};

/** Throws if there is no such node. */
export const addressOf = ({ nodes }: NodeConfig, node: number): NodeAddress => {
  const address = nodes.find((one) => one.node === node);
  if (address === undefined) throw new Error(`there is no node ${node}`);
  return address;
};

export type AskPeer = (
  node: number,
  method: 'GET' | 'POST',
  path: string,
  options: { readonly body?: string; readonly timeoutMs: number },
) => Promise<IncomingMessage>;

/**
 * Asks other nodes. Throws unless the answer is 200 and begins within the time; nothing for so long also ends what
 * is under way.
 */
export const createAskPeer =
  (config: NodeConfig, secret: string): AskPeer =>
  (node, method, path, { body = '', timeoutMs }) =>
    new Promise((resolve, reject) => {
      const { host, peerPort } = addressOf(config, node);
      const { peerProxy: proxy } = config;
      const outgoing = request({
        host: proxy?.hostname ?? host,
        port: proxy?.port ?? peerPort,
        path: proxy ? `http://${host}:${peerPort}${path}` : path,
        method,
        timeout: timeoutMs,
        headers: {
          Host: `${host}:${peerPort}`,
          Authorization: `Bearer ${secret}`,
          'Content-Length': Buffer.byteLength(body),
        },
      });
      outgoing.on('timeout', () => outgoing.destroy(new Error(`node ${node} is silent`)));
      outgoing.on('error', reject);
      outgoing.on('response', (incoming) => {
        if (incoming.statusCode === 200) return resolve(incoming);
        void textOf(incoming).then(
          (text) => reject(new Error(`node ${node}: ${text || incoming.statusCode}`)),
          reject,
        );
      });
      outgoing.end(body);
    });

/** The whole answer as text. */
export const askText = async (
  ...[ask, ...rest]: [AskPeer, ...Parameters<AskPeer>]
): Promise<string> => await textOf(await ask(...rest));
