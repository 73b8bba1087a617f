/**
 * `npm run docker -- start|stop`: starts or stops a Docker daemon for the commands that need one, on a machine where
 * none runs.
 */
import { join } from 'node:path';
import { daemonInstalls, startDaemon, stopDaemon } from '../containers/daemon.ts';
import { root } from '../host/data-folder.ts';
import { runProgram, unknownWords } from '../host/program.ts';

const folder = join(root, '.local', 'docker');
const say = (line: string): void => void process.stdout.write(`${line}\n`);

const actions = {
  start: async () => {
    const { isOurs } = await startDaemon(folder, say);
    if (!isOurs) say('a Docker daemon runs already');
  },
  stop: async () => {
    const wasOurs = await stopDaemon(folder);
    say(wasOurs ? 'stopped the Docker daemon' : 'no Docker daemon was started here');
  },
};

const commandLine = {
  name: 'npm run docker',
  does: 'starts a Docker daemon where none runs, or stops the one that it started',
  forms: [
    ['start', 'starts a daemon unless one answers'],
    ['stop', 'stops the daemon that was started here, and no other'],
  ],
  takesWords: true,
  examples: ['npm run -s docker -- start', 'npm run -s docker -- stop'],
  installs: daemonInstalls,
} as const;

await runProgram(commandLine, async ({ words }) => {
  const [action = '', ...rest] = words;
  if (!Object.hasOwn(actions, action) || rest.length > 0) throw unknownWords(words);
  await actions[action as keyof typeof actions]();
});
