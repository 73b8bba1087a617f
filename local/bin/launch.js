/**
 * `node local/bin/launch.js FILE …`: starts a program, for the scripts of package.json. npm uses the Node of `node_modules`.
 * If that is missing, npm uses any other Node, which may not know TypeScript; then one sentence tells what to do.
 */
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { whatIsMissing } from './preflight.js';

/** Returns the package that an import did not find; `undefined` for any other error. */
const packageOf = (error) =>
  error instanceof Error && error.code === 'ERR_MODULE_NOT_FOUND'
    ? /^Cannot find package '([^']+)'/.exec(error.message)?.[1]
    : undefined;

const end = (sentence) => {
  process.stderr.write(`${sentence}\n`);
  process.exit(1);
};

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
