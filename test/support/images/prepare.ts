/**
 * `node test/support/images/prepare.ts`: prepares a machine for the tests with containers: starts a Docker
 * daemon where none runs, and makes stand-ins for the images that cannot be pulled.
 */
import { join } from 'node:path';
import { root } from '../../../local/process/data-folder.ts';
import { runProgram, unknownWords } from '../../../local/process/program.ts';
import { startDaemon, stopDaemon } from './daemon.ts';
import { ensureLambdaImage, ensureNodeImages } from './stand-ins.ts';

const folder = join(root, '.local', 'docker');
const say = (line: string): void => void process.stdout.write(`${line}\n`);

const images: Readonly<
  Record<string, (root: string, say: (line: string) => void) => Promise<void>>
> = { node: ensureNodeImages, lambda: ensureLambdaImage };

const commandLine = {
  name: 'npm run node -- test/support/images/prepare.ts',
  does: 'prepares this machine for the tests with containers',
  forms: [
    ['node', 'a Docker daemon, and the images of a vault node'],
    ['lambda', 'a Docker daemon, and the image of functions'],
    ['stop', 'stops the daemon that was started here, and no other'],
  ],
  takesWords: true,
  examples: ['npm run node -- test/support/images/prepare.ts node'],
  installs: [
    'where no Docker daemon runs, as root on Debian: the packages docker.io, iptables, ca-certificates, docker-compose',
    'where no Docker daemon runs: a daemon, which stays until stop',
    'images of Docker, pulled or made out of packages',
  ],
} as const;

await runProgram(commandLine, async ({ words }) => {
  const [word = '', ...rest] = words;
  const ensure = images[word];
  if (rest.length > 0 || (word !== 'stop' && ensure === undefined)) throw unknownWords(words);
  if (ensure === undefined) {
    const wasOurs = await stopDaemon(folder);
    return say(wasOurs ? 'stopped the Docker daemon' : 'no Docker daemon was started here');
  }
  await startDaemon(folder, say);
  await ensure(root, say);
});
