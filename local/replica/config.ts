/** What a vault node is told by its environment: which one it is, and where the others are. */
import { failure } from '../command.ts';

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
  /** Where the two node-to-node ports listen. */
  readonly peerHost: string;
  /** A forward proxy through which the other nodes are reached. */
  readonly peerProxy: URL | undefined;
  /** Through which the functions reach this node's own front; by default there is nothing between. */
  readonly frontProxy: string | undefined;
  readonly clusterFile: string;
  /** So many revisions stay in the log, however far all nodes are. */
  readonly logKept: number;
};

const logKeptPreset = 20_000;

const required = (environment: Environment, name: string): string => {
  const value = environment[name];
  if (value) return value;
  throw failure(`${name} is not set: a vault node needs it (npm run cluster sets it)`);
};

const readNodes = (text: string): readonly NodeAddress[] =>
  text.split(',').map((part) => {
    const [, node, host, etcdPort, peerPort] = /^([1-9])=([\w.-]+):(\d+):(\d+)$/.exec(part) ?? [];
    if (node === undefined || host === undefined) {
      throw failure('VAULT_NODES is a list of 1=HOST:ETCD_PORT:PEER_PORT with commas between');
    }
    return { node: Number(node), host, etcdPort: Number(etcdPort), peerPort: Number(peerPort) };
  });

/** Throws a sentence that names the variable that is missing or wrong. */
export const readNodeConfig = (environment: Environment): NodeConfig => {
  const nodes = readNodes(required(environment, 'VAULT_NODES'));
  const node = Number(required(environment, 'VAULT_NODE'));
  if (!nodes.some((address) => address.node === node)) {
    throw failure('VAULT_NODE is no number of VAULT_NODES');
  }
  if (nodes.some((address, index) => address.node !== index + 1) || nodes.length % 2 === 0) {
    throw failure('VAULT_NODES counts up from 1 and is an odd number of nodes');
  }
  const proxy = environment['VAULT_PEER_PROXY'];
  const peerProxy = proxy ? URL.parse(proxy) : undefined;
  if (peerProxy === null) throw failure('VAULT_PEER_PROXY is the URL of a forward proxy');
  const frontProxy = environment['VAULT_FRONT_PROXY'] || undefined;
  if (frontProxy && !URL.canParse(frontProxy)) {
    throw failure("VAULT_FRONT_PROXY is the URL of a proxy to this node's own front");
  }
  const logKept = Number(environment['VAULT_LOG_KEPT'] || logKeptPreset);
  if (!Number.isInteger(logKept) || logKept < 1) {
    throw failure('VAULT_LOG_KEPT is a number of revisions');
  }
  return {
    node,
    nodes,
    peerHost: environment['VAULT_PEER_HOST'] || '127.0.0.1',
    peerProxy,
    frontProxy,
    clusterFile: required(environment, 'VAULT_CLUSTER_FILE'),
    logKept,
  };
};
