/** A server that cannot be connected to any more: it listens, and accepts nothing. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';

export type DeafServer = { readonly port: number; readonly close: () => void };

/** Its system takes two connections for it, and lets all others wait. */
export const startDeafServer = async (): Promise<DeafServer> => {
  const program = `require('net').createServer().listen(0, '127.0.0.1', 1, function () {
    require('fs').writeSync(1, String(this.address().port));
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 30_000);
  })`;
  const child = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [said] = await once(child.stdout, 'data');
  return { port: Number(said), close: () => child.kill('SIGKILL') };
};
