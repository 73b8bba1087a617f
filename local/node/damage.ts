/**
 * Whether etcd ends again and again because its files are damaged. Each release says so in other words, so what happened
 * decides. Anything else that may keep etcd from serving leaves the files where they are.
 */
import { X509Certificate } from 'node:crypto';
import { closeSync, openSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { failure, sentenceOf } from '../../system/failures.ts';
import { connectMember } from '../etcd/member-client.ts';
import type { TlsFiles } from '../http/tls.ts';
import { isFree } from '../process/ports.ts';
import { startLoneEtcd } from './lone-etcd.ts';
import { etcdEnvironmentOf, etcdOptionsOf, nameOf, peerUrlOf } from './member.ts';
import { memberFiles, type Served } from './member-files.ts';
import { addressOf, type NodeConfig } from './node-config.ts';
import { minorOf } from './report.ts';

export type DamageOptions = {
  /** What last served these files. */
  readonly findServed: () => Served | undefined;
  /** What would keep every etcd from starting here. */
  readonly findObstacle: () => Promise<string | undefined>;
  /** Starts etcd with the node's settings on an empty folder. Resolves to its version; rejects if it does not serve. */
  readonly tryEmptyFolder: () => Promise<string>;
  /**
   * Whether the other nodes are a majority with equal data, at this revision or a later one. Two nodes with old copies
   * are equal too, and then this node's files hold what they lack.
   */
  readonly doOthersAgree: (revision: number) => Promise<boolean>;
};

export type DamageFinder = {
  /**
   * To be called each time that etcd has ended by itself, with what the system refused to it. Resolves to a sentence
   * that says why the files may be sound, or to `undefined` if they are damaged.
   */
  readonly findDoubt: (refusal: string | undefined) => Promise<string | undefined>;
  /** etcd serves: only what happens from now on counts. */
  readonly forget: () => void;
};

const endingsMin = 3;

export const createDamageFinder = (options: DamageOptions): DamageFinder => {
  const { findServed, findObstacle, tryEmptyFolder, doOthersAgree } = options;
  let endings = 0;
  let hasTried = false;
  const forget = (): void => {
    endings = 0;
    hasTried = false;
  };
  const look = async (): Promise<string | undefined> => {
    const served = findServed();
    if (served === undefined) return 'no etcd has served these files yet';
    const hadTried = hasTried;
    hasTried = false;
    const obstacle = await findObstacle();
    if (obstacle !== undefined) return obstacle;
    if (!hadTried) {
      const release = minorOf(await tryEmptyFolder());
      if (release !== served.release) {
        return `etcd ${served.release} last served them, and this is ${release}`;
      }
    }
    hasTried = true;
    // What kept etcd from starting may have passed just before the try, so one more ending must follow it.
    if (!hadTried) return 'it serves an empty folder, and has one more try with its files';
    return (await doOthersAgree(served.revision))
      ? undefined
      : `the other nodes are no majority with equal data of revision ${served.revision} or later`;
  };
  return {
    forget,
    findDoubt: async (refusal) => {
      if (refusal !== undefined) {
        forget();
        return `the system said: ${refusal}`;
      }
      endings += 1;
      return endings + 1 < endingsMin
        ? 'it has ended for the first time'
        : await look().catch((error: unknown) => sentenceOf(error));
    },
  };
};

export type PlaceOptions = {
  readonly config: NodeConfig;
  readonly folder: string;
  readonly tls: TlsFiles;
};

/** What would keep every etcd from starting here, as a sentence. Throws for a file that this process may not open. */
export const findObstacle = async (options: PlaceOptions): Promise<string | undefined> => {
  const { config, folder, tls } = options;
  const entries = readdirSync(memberFiles(folder), { recursive: true, withFileTypes: true });
  for (const entry of entries) {
    if (entry.isFile()) closeSync(openSync(join(entry.parentPath, entry.name), 'r+'));
  }
  const { etcdPort } = addressOf(config, config.node);
  if (!(await isFree(etcdPort, config.peerHost))) return `port ${etcdPort} is taken`;
  for (const pem of [tls.ca, tls.certificate]) {
    const { validFrom, validTo } = new X509Certificate(pem);
    const isValid = Date.parse(validFrom) <= Date.now() && Date.now() < Date.parse(validTo);
    if (!isValid) return `its certificate is valid from ${validFrom} to ${validTo}`;
  }
  return undefined;
};

const startWithinMs = 30_000;
const callMs = 2_000;

/**
 * Starts etcd with the settings of the node's member on an empty folder beside it, as a cluster of its own that nobody
 * reaches. Resolves to its version; throws if it does not serve.
 */
export const tryEmptyFolder = async (
  options: PlaceOptions & { readonly signal: AbortSignal },
): Promise<string> => {
  const { config, folder, signal } = options;
  const own = addressOf(config, config.node);
  const cluster = `${nameOf(config.node)}=${peerUrlOf(own)}`;
  const etcd = await startLoneEtcd({
    ...{ folder, name: 'etcd.try', withinMs: startWithinMs, signal },
    options: {
      ...etcdOptionsOf({ config, clusterId: 'try' }, { cluster, state: 'new' }),
      'listen-peer-urls': `https://${config.peerHost}:0`,
    },
    environment: etcdEnvironmentOf(config),
    failed: (end) =>
      failure(`etcd serves no empty folder either: ${end?.lastWords ?? 'it does not answer'}`),
  });
  const member = connectMember(etcd.address);
  try {
    return (await member.status(performance.now() + callMs)).version;
  } finally {
    member.close();
    await etcd.close();
  }
};
