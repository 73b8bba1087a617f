/** The settings of a vault node, from its environment: which node it is, and where the others are. */
import { failure } from '../../system/failures.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** A node as the other nodes reach it. */
export type NodeAddress = {
  readonly node: number;
  readonly host: string;
  readonly etcdPort: number;
  readonly peerPort: number;
};

export type NodeConfig = {
  readonly node: number;
  /** All nodes, this one too, in the order of their numbers. */
  readonly nodes: readonly NodeAddress[];
  /** The address on which etcd's peer port and the node-to-node port listen. */
  readonly peerHost: string;
  /** A forward proxy through which this node reaches the others, by CONNECT. */
  readonly peerProxy: URL | undefined;
  /** The address (`unix:/path`) at which the functions reach this node's own etcd, if a proxy stands between. */
  readonly etcdProxy: string | undefined;
  /** The size of etcd's database. Above nine tenths of it the nodes refuse writes. */
  readonly quotaBytes: number;
  /** How often copies are compared; `undefined`: every minute, and every hour if the database is large. */
  readonly compareEveryMs: number | undefined;
};

const quotaPreset = 8 * 1_073_741_824;

/** A whole number above 0. Throws a sentence that names the variable. */
const readNumber = (environment: Environment, name: string): number | undefined => {
  const text = environment[name];
  if (!text) return undefined;
  const number = /^\d{1,15}$/.test(text) ? Number(text) : 0;
  if (number > 0) return number;
  throw failure(`${name} must be a whole number above 0`);
};

const required = (environment: Environment, name: string): string => {
  const value = environment[name];
  if (value) return value;
  throw failure(`${name} is not set: a vault node needs it (npm run cluster sets it)`);
};

/**
 * The nodes in the form of VAULT_NODES: `1=HOST:ETCD_PORT:PEER_PORT,2=…`. Throws a sentence for any other
 * form.
 */
export const parseNodes = (text: string): readonly NodeAddress[] =>
  text.split(',').map((part) => {
    const [, node, host, etcdPort, peerPort] = /^([1-9])=([\w.-]+):(\d+):(\d+)$/.exec(part) ?? [];
    if (node === undefined || host === undefined) {
      throw failure('VAULT_NODES must be a list of 1=HOST:ETCD_PORT:PEER_PORT with commas between');
    }
    return { node: Number(node), host, etcdPort: Number(etcdPort), peerPort: Number(peerPort) };
  });

/** Returns the file that all nodes share. Throws a sentence if the environment does not name it. */
export const readClusterFileName = (environment: Environment): string =>
  required(environment, 'VAULT_CLUSTER_FILE');

/** The cluster file knows the nodes, unless 1.0.0 wrote it. A node with others in its environment must not start. */
const readNodes = (environment: Environment, known: string | undefined): string => {
  const given = environment['VAULT_NODES'];
  if (known === undefined) return required(environment, 'VAULT_NODES');
  if (!given || given === known) return known;
  throw failure(
    `VAULT_NODES is ${given}, but the cluster file has ${known}: leave VAULT_NODES out`,
  );
};

/**
 * Reads the settings of a node. `known` are the nodes of its cluster file, in the form of `VAULT_NODES`.
 * Throws a sentence that names the variable that is missing or wrong.
 */
export const readNodeConfig = (environment: Environment, known?: string): NodeConfig => {
  const nodes = parseNodes(readNodes(environment, known));
  const node = Number(required(environment, 'VAULT_NODE'));
  if (!nodes.some((address) => address.node === node)) {
    throw failure('VAULT_NODE must be the number of a node in VAULT_NODES');
  }
  if (nodes.some((address, index) => address.node !== index + 1) || nodes.length % 2 === 0) {
    throw failure('VAULT_NODES must number the nodes from 1 upwards, and their count must be odd');
  }
  const proxy = environment['VAULT_PEER_PROXY'];
  const peerProxy = proxy ? URL.parse(proxy) : undefined;
  if (peerProxy === null) throw failure('VAULT_PEER_PROXY must be the URL of a forward proxy');
  const etcdProxy = environment['VAULT_ETCD_PROXY'] || undefined;
  if (etcdProxy && !etcdProxy.startsWith('unix:/')) {
    throw failure(
      "VAULT_ETCD_PROXY must be unix:/… with the socket of a proxy to this node's own etcd",
    );
  }
  const compareEvery = readNumber(environment, 'VAULT_COMPARE_SECONDS');
  return {
    node,
    nodes,
    peerHost: environment['VAULT_PEER_HOST'] || '127.0.0.1',
    peerProxy,
    etcdProxy,
    quotaBytes: readNumber(environment, 'VAULT_QUOTA_BYTES') ?? quotaPreset,
    compareEveryMs: compareEvery && compareEvery * 1_000,
  };
};

/** Throws if there is no such node. */
export const addressOf = ({ nodes }: Pick<NodeConfig, 'nodes'>, node: number): NodeAddress => {
  const address = nodes.find((one) => one.node === node);
  if (address === undefined) throw new Error(`there is no node ${node}`);
  return address;
};

/** The numbers of all nodes but this one. */
export const othersOf = ({ node, nodes }: NodeConfig): readonly number[] =>
  nodes.map((one) => one.node).filter((one) => one !== node);
