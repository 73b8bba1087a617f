/**
 * The cache of compiled code, which saves a fifth of the processor time of a `dsvault get`. Node
 * runs what it finds there, so whoever can write to the folder can act as its owner. This is plain
 * JavaScript, because it must run before the bundle is compiled.
 */
import { existsSync, mkdirSync, realpathSync, statSync } from 'node:fs';
import module from 'node:module';
import { dirname, isAbsolute, join } from 'node:path';

/**
 * Whether the folder belongs to this user, nobody else may write to it, and only root could put
 * another folder in its place. In a sticky folder, such as /tmp, only owners can replace entries.
 */
const isOwn = (folder) => {
  const user = process.getuid();
  const real = realpathSync(folder);
  const { uid, mode } = statSync(real);
  if (uid !== user || (mode & 0o022) !== 0) return false;
  for (let path = real; path !== dirname(path); path = dirname(path)) {
    const above = statSync(dirname(path));
    const isWritable = (above.mode & 0o022) !== 0 && (above.mode & 0o1000) === 0;
    if (isWritable || (above.uid !== user && above.uid !== 0)) return false;
  }
  return true;
};

/**
 * Creates a folder if it is missing, and returns whether it is `isOwn`. Creates nothing in the home
 * of another user, which HOME can name under sudo.
 */
const makeOwn = (folder) => {
  if (!existsSync(folder)) {
    if (!isOwn(dirname(folder))) return false;
    mkdirSync(folder, { mode: 0o700 });
  }
  return isOwn(folder);
};

/**
 * Returns the folder for compiled code, which only its owner can open; `undefined` without a home,
 * or if the folder is not `isOwn`. Node creates folders in it with whatever mode the umask allows,
 * so this folder has to keep other users out.
 */
const prepareFolder = () => {
  const { HOME, XDG_CACHE_HOME } = process.env;
  if (!HOME || !isAbsolute(HOME)) return undefined;
  // A relative path is ignored, as in system/environment.ts.
  const isGiven = XDG_CACHE_HOME && isAbsolute(XDG_CACHE_HOME);
  const caches = isGiven ? XDG_CACHE_HOME : join(HOME, '.cache');
  const own = join(caches, 'dsvault');
  const folder = join(own, 'code');
  const isPrivate = [caches, own, folder].every(makeOwn) && (statSync(folder).mode & 0o077) === 0;
  return isPrivate ? realpathSync(folder) : undefined;
};

/**
 * Makes Node use the cache for what it loads afterwards, in this process only, unless the user has
 * given Node another folder or disabled the cache.
 */
export const useCodeCache = () => {
  if (process.env.NODE_DISABLE_COMPILE_CACHE) return;
  try {
    if (module.getCompileCacheDir() !== undefined) return;
    const folder = prepareFolder();
    if (folder !== undefined) module.enableCompileCache(folder);
  } catch {
    // The home may be missing or read-only, for example. Then everything is only slower.
  }
};
