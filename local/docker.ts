/** `npm run docker -- start|stop`: a Docker daemon for the commands that need one, where none runs. */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { failure, orUsage, runCommand } from './command.ts';
import { startDaemon, stopDaemon } from './container/daemon.ts';

const folder = join(import.meta.dirname, '..', '.local', 'docker');
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

await runCommand(async () => {
  const { positionals } = orUsage(() => parseArgs({ allowPositionals: true }));
  const [action = '', ...rest] = positionals;
  if (!Object.hasOwn(actions, action) || rest.length > 0) {
    throw failure('use: npm run docker -- start|stop', { exitCode: 2 });
  }
  await actions[action as keyof typeof actions]();
});
