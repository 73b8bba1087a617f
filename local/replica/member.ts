/**
 * A node's member of the log: its etcd, kept running, and its place among the others. A member's files may never go
 * back in time: what it acknowledged to the others it must still know. One that has lost anything is replaced by a new
 * member, which a peer makes room for.
 */
import type { ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { endChild, endRememberedChild, findFreePort, rememberChild, startChild } from '../child.ts';
import { type LogFile, openLogFile } from '../cluster/log-file.ts';
import { failure } from '../command.ts';
import type { NodeAddress, NodeConfig } from './config.ts';
import { findLostWords, putAside, removeAside } from './member-files.ts';
import { addressOf } from './peers.ts';

export type MemberOptions = {
  readonly config: NodeConfig;
  readonly folder: string;
  /** Of the cluster: members of two clusters never speak with each other. */
  readonly secret: string;
  /**
   * Asks a peer to make room for a new member in place of this node's, until one has; returns all members as etcd
   * takes them. Rejects when the node is closed.
   */
  readonly makeRoom: (why: string) => Promise<string>;
  readonly report: (line: string) => void;
};

export type LogMember = {
  /** Of its client port, on 127.0.0.1. */
  readonly address: string;
  readonly close: () => Promise<void>;
};

const graceMs = 2_000;
const restartFirstMs = 50;
const restartLastMs = 5_000;
const lastMax = 300;
const logBytesMax = 1_048_576;

export const nameOf = (node: number): string => `node-${node}`;
export const peerUrlOf = ({ host, etcdPort }: NodeAddress): string => `http://${host}:${etcdPort}`;

/** Throws one sentence if there is no etcd. */
export const requireEtcd = (): void => {
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  if (folders.some((folder) => existsSync(join(folder, 'etcd')))) return;
  throw failure('etcd is not on the PATH: install it (Debian: apt-get install etcd-server)');
};

type Membership = { readonly cluster: string; readonly state: 'new' | 'existing' };

/**
 * Options of etcd that keep web pages from its client port. Its JSON gateway would let a page do all that a client can.
 * It admits every origin and every host unless it is told some; no page has this origin, since no browser connects to
 * port 1.
 */
export const closedToPages = {
  'enable-grpc-gateway': 'false',
  cors: 'http://none.invalid:1',
  'host-whitelist': '127.0.0.1',
};

const argumentsOf = (
  { config, secret }: MemberOptions,
  clientPort: number,
  { cluster, state }: Membership,
): readonly string[] => {
  const own = addressOf(config, config.node);
  const client = `http://127.0.0.1:${clientPort}`;
  return Object.entries({
    name: nameOf(config.node),
    'data-dir': 'etcd',
    'listen-peer-urls': `http://${config.peerHost}:${own.etcdPort}`,
    'initial-advertise-peer-urls': peerUrlOf(own),
    'listen-client-urls': client,
    'advertise-client-urls': client,
    ...closedToPages,
    'initial-cluster': cluster,
    'initial-cluster-state': state,
    'initial-cluster-token': createHash('sha256').update(secret).digest('hex').slice(0, 16),
    // One entry is at most 6 MiB of JSON, with room for what etcd puts around it.
    'max-request-bytes': String(8 * 1024 * 1024),
    'quota-backend-bytes': String(8 * 1024 * 1024 * 1024),
    'heartbeat-interval': '100',
    'election-timeout': '1000',
    // Its check wants five quiet seconds before a place can be made anew; a majority must agree all the same.
    'strict-reconfig-check': 'false',
    logger: 'zap',
    'log-level': 'warn',
  }).map(([name, value]) => `--${name}=${value}`);
};

/**
 * Keeps what a child writes to stderr in `etcd.log`, and of its lines the last, and why it cannot use its files, if one
 * has said so: a dump of what it was doing may come after that, as long as it likes.
 */
const listenTo = ({ stderr }: ChildProcess, log: LogFile) => {
  let last = '';
  let lost: string | undefined;
  if (stderr) {
    stderr.on('data', (chunk: Buffer) => log.write(chunk));
    createInterface({ input: stderr }).on('line', (line) => {
      last = line.trim() || last;
      lost ??= findLostWords(line);
    });
  }
  return { last: () => last.slice(0, lastMax), lost: () => lost };
};

/** How it ended, when all that it said was heard. */
const endOf = (child: ChildProcess): Promise<string> =>
  new Promise((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('close', (code, signal) => resolve(signal ?? `exit code ${code}`));
  });

/**
 * Starts the member and keeps it running. `lost`: why the files that are there, if any, must not be used; with
 * none, and no reason, all nodes begin a new log together.
 */
export const startMember = async (
  options: MemberOptions,
  lost: string | undefined,
): Promise<LogMember> => {
  const { config, folder, makeRoom, report } = options;
  const pidFile = join(folder, 'etcd.pid');
  await endRememberedChild(pidFile);
  const clientPort = await findFreePort();
  const everyone = config.nodes.map((one) => `${nameOf(one.node)}=${peerUrlOf(one)}`).join(',');
  const { peerProxy: proxy } = config;
  const environment = {
    ETCD_UNSUPPORTED_ARCH: process.arch,
    ...(proxy && { HTTP_PROXY: proxy.href }),
  };
  let membership: Membership = { cluster: everyone, state: 'new' };
  let child: ChildProcess | undefined;
  let isClosing = false;

  const replace = async (why: string): Promise<void> => {
    // First of all: a peer may remove the member at once, and a start in between must not begin with its files.
    putAside(folder);
    const cluster = await makeRoom(why);
    removeAside(folder);
    membership = { cluster, state: 'existing' };
  };
  const log = openLogFile(join(folder, 'etcd.log'), logBytesMax);
  const launch = () => {
    child = startChild('etcd', argumentsOf(options, clientPort, membership), folder, environment);
    rememberChild(pidFile, child);
    return { ended: endOf(child), said: listenTo(child, log), at: performance.now() };
  };
  if (lost !== undefined) await replace(lost);
  let running = launch();

  const keepRunning = async (): Promise<void> => {
    for (let waitMs = restartFirstMs; ; ) {
      const how = await running.ended;
      if (isClosing) return;
      const why = running.said.lost();
      if (why !== undefined) {
        report(`etcd cannot use its files (${why}); this node's place in the log is made anew`);
        await replace(`its etcd said: ${why}`);
      } else {
        const last = how.startsWith('exit code') ? running.said.last() : '';
        const words = last && ` (it said: ${last})`;
        report(`etcd ended (${how}); it is started again${words}`);
      }
      waitMs = performance.now() - running.at > restartLastMs ? restartFirstMs : waitMs;
      await sleep(waitMs);
      waitMs = Math.min(restartLastMs, waitMs * 2);
      if (isClosing) return;
      running = launch();
    }
  };
  const kept = keepRunning().catch((error) => {
    if (!isClosing) report(`etcd is not started again: ${error}`);
  });
  return {
    address: `127.0.0.1:${clientPort}`,
    close: async () => {
      isClosing = true;
      if (child) await endChild(child, graceMs);
      await kept;
      log.close();
    },
  };
};
