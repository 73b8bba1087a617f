/**
 * `node test/support/images/prepare.ts` prepares a machine for the tests with containers. It starts
 * a Docker daemon if none runs, and makes stand-ins for the images that cannot be pulled.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Argument } from '@commander-js/extra-typings';
import { root } from '../../../host/process/data-folder.ts';
import { lockWhenFree } from '../../../host/process/locks.ts';
import { newProgram, runProgram } from '../../../host/process/program.ts';
import { startDaemon, stopDaemon } from './daemon.ts';
import { ensureServerImage } from './debian-server.ts';
import { ensureLambdaImage, ensureNodeImages } from './stand-ins.ts';

const folder = join(root, '.local', 'docker');
const say = (line: string): void => void process.stdout.write(`${line}\n`);

const images = { node: ensureNodeImages, lambda: ensureLambdaImage, server: ensureServerImage };

const program = newProgram(
  'npm run node -- test/support/images/prepare.ts',
  'prepares this machine for the tests with containers',
  ['npm run node -- test/support/images/prepare.ts node'],
  [
    'where no Docker daemon runs, as root on Debian: the packages docker.io, iptables, ca-certificates, docker-compose',
    'where no Docker daemon runs: a daemon, which stays until stop',
    'images of Docker, pulled or made out of packages',
  ],
).addArgument(
  new Argument(
    '<images>',
    'of a vault node, of functions, of a Debian server; stop: stops the daemon that was started here, and no other',
  ).choices(['node', 'lambda', 'server', 'stop']),
);

program.action(async (word) => {
  if (word === 'stop') {
    const wasOurs = await stopDaemon(folder);
    return say(wasOurs ? 'stopped the Docker daemon' : 'no Docker daemon was started here');
  }
  mkdirSync(folder, { recursive: true });
  // Two tests may prepare the machine at the same time. The second waits here until the process of
  // the first has ended.
  const lock = await lockWhenFree(join(folder, 'lock'));
  await startDaemon(folder, say);
  await images[word](root, say);
  lock.release();
});

await runProgram(program);
