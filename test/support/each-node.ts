/** Finds every version of Node on this machine, for programs that must also run on old ones. */
import { spawnSync } from 'node:child_process';
import { existsSync, symlinkSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import manifest from '../../package.json' with { type: 'json' };
import { freshFolder } from './local-process.ts';

type NodeOnPath = readonly [version: string, folder: string];

const [oldestMajor = 0, oldestMinor = 0] = manifest.engines.node.match(/\d+/g)?.map(Number) ?? [];

/** Whether `dsvault` and the packages run on this version of Node. */
const isSupported = ([version]: NodeOnPath): boolean => {
  const [major = 0, minor = 0] = version.match(/\d+/g)?.map(Number) ?? [];
  return major > oldestMajor || (major === oldestMajor && minor >= oldestMinor);
};

const findNodes = (): readonly NodeOnPath[] => {
  const files = (process.env['PATH'] ?? '')
    .split(delimiter)
    .map((folder) => join(folder, 'node'))
    .filter((file) => existsSync(file));
  const versionOf = (file: string): string =>
    spawnSync(file, ['--version'], { encoding: 'utf8' }).stdout.trim();
  return [...new Map(files.map((file) => [versionOf(file), file]))].map(([version, file]) => {
    const folder = freshFolder();
    symlinkSync(file, join(folder, 'node'));
    return [version, folder];
  });
};

/**
 * Returns each version of Node on the PATH that package.json names as supported, with a folder that
 * contains only that Node.
 */
export const nodesOnPath = (): readonly NodeOnPath[] => findNodes().filter(isSupported);

/** Returns the other versions of Node on the PATH, in the same form. */
export const oldNodesOnPath = (): readonly NodeOnPath[] =>
  findNodes().filter((node) => !isSupported(node));

/** The environment variable that makes each Node report this version, such as `20.20.2`. */
export const pretendToBe = (version: string) => {
  const script = `Object.defineProperty(process, 'versions', { value: { node: '${version}' } })`;
  return { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(script)}` };
};
