/** A server that never accepts a connection. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';

export type DeafServer = { readonly port: number; readonly close: () => void };

/** The kernel completes the first two connections for the server and leaves all others waiting. */
export const startDeafServer = async (): Promise<DeafServer> => {
  const program = `require('net').createServer().listen(0, '127.0.0.1', 1, function () {
    require('fs').writeSync(1, String(this.address().port));
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 30_000);
  })`;
  const child = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [said] = await once(child.stdout, 'data');
  return { port: Number(said), close: () => child.kill('SIGKILL') };
};
