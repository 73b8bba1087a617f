/** How a container reaches a server of this machine. */
import { createServer } from 'node:net';
import { docker } from './docker.ts';

/** The name under which containers know this machine; `--add-host` of Docker gives it where Docker Desktop does not. */
export const hostName = 'host.docker.internal';
export const addHost = `${hostName}:host-gateway`;

/** Asked by trying: the system does not list the address of a bridge to which no container is connected yet. */
const isOfThisMachine = (address: string): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer().once('error', () => resolve(false));
    server.listen(0, address, () => server.close(() => resolve(true)));
  });

/**
 * The address to listen on. On Linux it is that of Docker's bridge, which only this machine and its containers reach;
 * Docker Desktop leads to the loopback address of the machine it runs on.
 */
export const findHostAddress = async (): Promise<string> => {
  const format = '{{range .IPAM.Config}}{{.Gateway}}{{end}}';
  const gateway = await docker(['network', 'inspect', 'bridge', '--format', format]);
  return (await isOfThisMachine(gateway)) ? gateway : '127.0.0.1';
};
