/**
 * Decides whether etcd keeps exiting because its files are damaged, so that the node needs a new
 * member (replacing.ts). etcd's messages differ between releases, so only its behaviour counts: in
 * the same place it serves an empty folder, but not these files.
 */
import { X509Certificate } from 'node:crypto';
import { closeSync, openSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { sentenceOf } from '../../system/failures.ts';
import type { TlsFiles } from '../http/tls.ts';
import { isFree } from '../process/ports.ts';
import { minorOf } from './etcd-version.ts';
import { type LastService, memberFiles } from './member-files.ts';
import { addressOf, type NodeConfig } from './node-config.ts';

export type DamageOptions = {
  /** Returns which etcd last served these files, and at which revision; `undefined` if none has. */
  readonly findServed: () => LastService | undefined;
  /**
   * Returns a sentence about an obstacle, such as a port in use, because of which no etcd could
   * start here whatever its files; `undefined` if there is none.
   */
  readonly findObstacle: () => Promise<string | undefined>;
  /**
   * Starts etcd with the node's settings on an empty folder. Resolves to its version, and rejects
   * if it does not serve.
   */
  readonly tryEmptyFolder: () => Promise<string>;
  /**
   * Whether the other nodes form a majority with equal data, at this revision or a later one. Equal
   * data alone would not be enough: two nodes with old copies are equal as well, and then only this
   * node's files contain the writes that both lack.
   */
  readonly doOthersAgree: (revision: number) => Promise<boolean>;
};

export type DamageFinder = {
  /**
   * Must be called each time etcd has exited by itself, with the refusal of the operating system
   * that its log contains, if any. Resolves to a sentence that says why the files may be sound, or
   * to `undefined` if they are damaged.
   */
  readonly findDoubt: (refusal: string | undefined) => Promise<string | undefined>;
  /** Must be called when etcd serves again, so that earlier exits no longer count. */
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
    // An obstacle may have made etcd exit and then disappeared just before it was tried on an empty
    // folder. So the files count as damaged only if etcd exits once more after that trial.
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

/**
 * Returns a sentence about an obstacle, such as a port in use or an expired certificate, because of
 * which no etcd could start here; `undefined` if there is none. Throws if a file of the member
 * cannot be opened for writing.
 */
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
