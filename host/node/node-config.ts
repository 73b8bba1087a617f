/**
 * The settings of a vault node from its environment: which node it is, and where the others are.
 */
import { misconfigured } from '../../system/failures.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** How the other nodes reach a node. */
export type NodeAddress = {
  readonly node: number;
  readonly host: string;
  readonly etcdPort: number;
  readonly peerPort: number;
};

export type NodeConfig = {
  readonly node: number;
  /** All nodes, including this one, ordered by number. */
  readonly nodes: readonly NodeAddress[];
  /** The address on which etcd's peer port and the node-to-node port listen. */
  readonly peerHost: string;
  /** A forward proxy (CONNECT) through which this node reaches the others. */
  readonly peerProxy: URL | undefined;
  /**
   * The address (`unix:/path`) under which the vault reaches this node's etcd, if a test puts a
   * proxy in between.
   */
  readonly etcdProxy: string | undefined;
  /** The bytes that the data in etcd may use. Above nine tenths of it the nodes refuse writes. */
  readonly quotaBytes: number;
  /**
   * How often the node compares its copy with those of the others. If `undefined`, every minute, or
   * every hour for a large database.
   */
  readonly compareEveryMs: number | undefined;
};

const quotaPreset = 8 * 1_073_741_824;

/** Parses a whole number above 0. Throws a user-facing error that names the variable. */
const readNumber = (environment: Environment, name: string): number | undefined => {
  const text = environment[name];
  if (!text) return undefined;
  const number = /^\d{1,15}$/.test(text) ? Number(text) : 0;
  if (number > 0) return number;
  throw misconfigured(`${name} must be a whole number above 0`);
};

const required = (environment: Environment, name: string): string => {
  const value = environment[name];
  if (value) return value;
  throw misconfigured(`${name} is not set: a vault node needs it (npm run cluster sets it)`);
};

/**
 * Parses a list of nodes: `1=HOST:ETCD_PORT:PEER_PORT,2=…`. Throws a user-facing error for any
 * other text.
 */
export const parseNodes = (text: string): readonly NodeAddress[] =>
  text.split(',').map((part) => {
    const [, node, host, etcdPort, peerPort] = /^([1-9])=([\w.-]+):(\d+):(\d+)$/.exec(part) ?? [];
    if (node === undefined || host === undefined) {
      throw misconfigured(
        'the cluster file must list the nodes as 1=HOST:ETCD_PORT:PEER_PORT, separated by commas',
      );
    }
    return { node: Number(node), host, etcdPort: Number(etcdPort), peerPort: Number(peerPort) };
  });

/**
 * Returns the path of the cluster file. Throws a user-facing error if the environment does not name
 * it.
 */
export const readClusterFileName = (environment: Environment): string =>
  required(environment, 'VAULT_CLUSTER_FILE');

/**
 * Reads the settings of a node. `list` is the list of nodes in its cluster file. Throws a
 * user-facing error that names the missing or wrong variable.
 */
export const readNodeConfig = (environment: Environment, list: string): NodeConfig => {
  const nodes = parseNodes(list);
  const node = Number(required(environment, 'VAULT_NODE'));
  if (!nodes.some((address) => address.node === node)) {
    throw misconfigured('VAULT_NODE must be the number of a node in the cluster file');
  }
  if (nodes.some((address, index) => address.node !== index + 1) || nodes.length % 2 === 0) {
    throw misconfigured(
      'the cluster file must number the nodes from 1 upwards, and their count must be odd',
    );
  }
  const proxy = environment['VAULT_PEER_PROXY'];
  const peerProxy = proxy ? URL.parse(proxy) : undefined;
  if (peerProxy === null)
    throw misconfigured('VAULT_PEER_PROXY must be the URL of a forward proxy');
  const etcdProxy = environment['VAULT_ETCD_PROXY'] || undefined;
  if (etcdProxy && !etcdProxy.startsWith('unix:/')) {
    throw misconfigured(
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

/** The numbers of all nodes except this one. */
export const othersOf = ({ node, nodes }: NodeConfig): readonly number[] =>
  nodes.map((one) => one.node).filter((one) => one !== node);
