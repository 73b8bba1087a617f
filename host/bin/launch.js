/**
 * `node host/bin/launch.js FILE …` starts a program. If this Node is too old, it uses the Node of
 * `node_modules`. If there is none, or packages are missing, it says what to do.
 */
import { spawn } from 'node:child_process';
import { statSync } from 'node:fs';
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

/**
 * Runs this command line under another Node, and ends with the same exit code or by the same
 * signal.
 */
const runUnder = (node, words) =>
  new Promise(() => {
    // These handlers are installed before the other Node starts, because a signal must not end only
    // this process. SIGINT is not passed on, because a terminal sends it to both processes.
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
// Makes the program see its command line as if it had been started directly.
process.argv.splice(1, 1);
const program = process.argv[1];
if (program === undefined) end('name the program to run, such as host/bin/key.ts');
if (!statSync(program, { throwIfNoEntry: false })?.isFile()) {
  end(`there is no program ${program}: host/bin has them, such as host/bin/key.ts`);
}
try {
  await import(pathToFileURL(resolve(program)).href);
} catch (error) {
  const name = packageOf(error);
  if (name === undefined) throw error;
  end(`the package ${name} is not installed: run npm ci, with the development dependencies`);
}
