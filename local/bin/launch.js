/**
 * `node local/bin/launch.js FILE …`: starts a program, under the Node of `node_modules` if this one is too old. If there is
 * none, or no packages, one sentence says what to do.
 */
import { spawn } from 'node:child_process';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { findPackagedNode, isNewEnough, whatIsMissing } from './preflight.js';

/** Returns the package that an import did not find; `undefined` for any other error. */
const packageOf = (error) =>
  error instanceof Error && error.code === 'ERR_MODULE_NOT_FOUND'
    ? /^Cannot find package '([^']+)'/.exec(error.message)?.[1]
    : undefined;

const end = (sentence) => {
  process.stderr.write(`${sentence}\n`);
  process.exit(1);
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

const packaged = isNewEnough(process.versions.node) ? undefined : findPackagedNode();
if (packaged !== undefined)
  await runUnder(packaged, [...process.execArgv, ...process.argv.slice(1)]);
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
