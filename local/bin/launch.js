/**
 * `node local/bin/launch.js FILE …`: starts a program, for the scripts of package.json. It runs under the user's own
 * Node if that is new enough, otherwise under the one of `node_modules`. If neither is there, one sentence says what to
 * do. npm puts the Node of `node_modules` first on the PATH, so that one usually runs this file.
 */
import { spawn } from 'node:child_process';
import { basename, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { findPackagedNode, isNewEnough, whatIsMissing } from './preflight.js';

const { env } = process;

/** Returns the package that an import did not find; `undefined` for any other error. */
const packageOf = (error) =>
  error instanceof Error && error.code === 'ERR_MODULE_NOT_FOUND'
    ? /^Cannot find package '([^']+)'/.exec(error.message)?.[1]
    : undefined;

const end = (sentence) => {
  process.stderr.write(`${sentence}\n`);
  process.exit(1);
};

/** Returns the Node that runs npm, if npm started this process and that Node can run the programs. */
const findOwnNode = () => {
  const file = env.npm_node_execpath ?? '';
  // Another package manager may be a program that contains its Node.
  if (!/^node(?:\.exe)?$/.test(basename(file))) return undefined;
  const [, version] = / node\/v(\S+)/.exec(env.npm_config_user_agent) ?? [];
  return version && isNewEnough(version) ? file : undefined;
};

/** Runs this command line under another Node, and ends as that does. */
const runUnder = (node, words) =>
  new Promise(() => {
    // Before the other starts, because a signal must not end this process alone. A terminal sends SIGINT to both.
    process.on('SIGINT', () => undefined);
    for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
    const child = spawn(node, words, { stdio: 'inherit' });
    child.once('error', (error) => end(`cannot start ${node}: ${error.message}`));
    child.once('exit', (code, signal) => {
      if (signal === null) process.exit(code);
      process.removeAllListeners(signal);
      process.kill(process.pid, signal);
    });
  });

const packaged = findPackagedNode();
const words = [...process.execArgv, ...process.argv.slice(1)];
if (process.execPath === packaged) {
  const own = findOwnNode();
  // Only once, whatever version that Node turns out to have.
  delete env.npm_node_execpath;
  // Windows cannot replace a process, so there this Node goes on.
  if (own !== undefined && process.execve) process.execve(own, [own, ...words], env);
} else if (packaged !== undefined && !isNewEnough(process.versions.node)) {
  await runUnder(packaged, words);
}
const missing = whatIsMissing();
if (missing !== undefined) end(missing);
// The program sees its command line as if it had been started directly.
process.argv.splice(1, 1);
if (process.argv[1] === undefined) end('name the program to run, such as local/bin/key.ts');
try {
  await import(pathToFileURL(resolve(process.argv[1])).href);
} catch (error) {
  const name = packageOf(error);
  if (name === undefined) throw error;
  end(`the package ${name} is not installed: run npm ci, with the development dependencies`);
}
