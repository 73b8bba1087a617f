/**
 * The port on which nodes talk to each other apart from etcd: reports, hashes and new members. Both
 * ends of a connection must have a certificate of the cluster's authority.
 */
import { type ClientRequest, type IncomingMessage, request as requestTunnel } from 'node:http';
import { Agent, request } from 'node:https';
import type { Socket } from 'node:net';
import { failure, sentenceOf } from '../../system/failures.ts';
import { createBoundedServer, type Exchange, listen } from '../http/bounded-server.ts';
import { bounds } from '../http/bounds.ts';
import { mutualTls } from '../http/tls.ts';
import { clusterIdOf, type OwnCluster } from './cluster-file.ts';
import { addressOf, type NodeConfig } from './node-config.ts';

/** Answers the body of a request with JSON text. */
export type PeerRoute = (body: string) => Promise<string>;

export type PeerServer = { readonly close: () => Promise<void> };

const bodyBytesMax = 1_048_576;
/** The header in which every request to a node names its cluster. */
const clusterHeader = 'vault-cluster';
const misdirectedStatus = 421;
/** The code of the error when another node belongs to a different cluster. */
export const otherCluster = 'OTHER_CLUSTER';

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

/**
 * Serves `routes`, whose keys look like `POST /report`, to the nodes of this cluster. Throws a
 * user-facing error if the port is in use.
 */
export const servePeers = async (
  config: NodeConfig,
  cluster: OwnCluster,
  routes: ReadonlyMap<string, PeerRoute>,
): Promise<PeerServer> => {
  const own = clusterIdOf(cluster);
  const respond = async ({ request: incoming, response, readBody }: Exchange): Promise<void> => {
    if (incoming.headers[clusterHeader] !== own) {
      return void response.writeHead(misdirectedStatus).end('it belongs to another cluster');
    }
    const route = routes.get(`${incoming.method} ${incoming.url}`);
    if (route === undefined) return void response.writeHead(404).end();
    try {
      const body = await readBody(bodyBytesMax);
      if (typeof body === 'string') throw new Error(`the message is ${body}`);
      const text = await route(body.toString('utf8'));
      response.writeHead(200).end(text);
    } catch (error) {
      response.writeHead(500).end(sentenceOf(error));
    }
  };
  const server = createBoundedServer({ bounds, respond, tls: mutualTls(cluster.tls) });
  const { peerPort } = addressOf(config, config.node);
  return await listen(server, config.peerHost, peerPort).catch((error) => {
    throw failure(`cannot listen on the node-to-node port ${peerPort}: ${sentenceOf(error)}`);
  });
};

export type PeerCall = (
  node: number,
  method: 'GET' | 'POST',
  path: string,
  options: { readonly body?: string; readonly timeoutMs: number },
) => Promise<string>;

/**
 * Opens a connection to `host:port` through a forward proxy (CONNECT). The agents of Node.js can do
 * that too, but they never give up on a tunnel that stays silent. `signal` aborts the attempt, but
 * not an open connection.
 */
const openTunnel = (proxy: URL, host: string, port: number, signal: AbortSignal): Promise<Socket> =>
  new Promise((resolve, reject) => {
    const path = `${host}:${port}`;
    const headers = { Host: path };
    requestTunnel({
      host: proxy.hostname,
      port: proxy.port,
      method: 'CONNECT',
      path,
      headers,
      signal,
    })
      .once('error', reject)
      .once('connect', ({ statusCode }, socket: Socket) => {
        if (statusCode === 200) return resolve(socket);
        socket.destroy();
        reject(new Error(`the proxy answered ${statusCode} to CONNECT ${path}`));
      })
      .end();
  });

/**
 * Sends requests to other nodes, through the forward proxy if there is one. Resolves to the answer;
 * rejects unless it is 200 and complete in time. The error has the code `otherCluster` if the node
 * belongs to a different cluster.
 */
export const createPeerCall = (
  config: Pick<NodeConfig, 'nodes' | 'peerProxy'>,
  cluster: OwnCluster,
): PeerCall => {
  const { peerProxy: proxy } = config;
  const { tls } = cluster;
  const direct = { agent: new Agent({ ...mutualTls(tls), keepAlive: true }) };
  const through = (socket: Socket) => ({ ...mutualTls(tls), socket, agent: false as const });
  return async (node, method, path, { body = '', timeoutMs }) => {
    const { host, peerPort: port } = addressOf(config, node);
    const limit = new AbortController();
    const timer = setTimeout(() => limit.abort(new Error(`node ${node} is silent`)), timeoutMs);
    try {
      const { signal } = limit;
      const way = proxy ? through(await openTunnel(proxy, host, port, signal)) : direct;
      const headers = {
        'Content-Length': Buffer.byteLength(body),
        [clusterHeader]: clusterIdOf(cluster),
      };
      const outgoing = request({ host, port, path, method, headers, signal, ...way }).end(body);
      const incoming = await responseTo(outgoing);
      const text = await textOf(incoming);
      if (incoming.statusCode === 200) return text;
      const refused = new Error(`node ${node}: ${text || incoming.statusCode}`);
      const isOther = incoming.statusCode === misdirectedStatus;
      throw Object.assign(refused, isOther && { code: otherCluster });
    } catch (error) {
      throw limit.signal.aborted ? limit.signal.reason : error;
    } finally {
      clearTimeout(timer);
    }
  };
};

const responseTo = (outgoing: ClientRequest): Promise<IncomingMessage> =>
  new Promise((resolve, reject) => {
    outgoing.on('error', reject).once('response', resolve);
  });
