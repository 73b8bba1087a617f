/** Runs git in a folder that may be untrusted. */
import { environment } from '../../system/environment.ts';

/**
 * The arguments and the environment for git in a folder whose configuration may come from a
 * stranger and name programs. `rev-list` and `cat-file` would start one only to fetch a missing
 * object, so no protocol is allowed, and `ls-files` would start the program of `core.fsmonitor`.
 * `git log` would also start `gpg.program`, so it is not used. A
 * bare repository is not opened at all, because it may be hidden among the files of another one,
 * and no object is replaced by another one.
 */
export const gitCommand = (folder: string, args: readonly string[]) => {
  const settings = ['-c', 'safe.bareRepository=explicit', '-c', 'core.fsmonitor=false'];
  const options = ['-C', folder, ...settings, '--literal-pathspecs'];
  const passedOn = Object.entries(environment).filter(([key]) => !/^(DSVAULT|GIT)_/i.test(key));
  return {
    args: [...options, '--no-replace-objects', ...args],
    env: { ...Object.fromEntries(passedOn), GIT_ALLOW_PROTOCOL: '' },
  };
};
