/** How a container reaches a server of this machine. */
import { createServer, isIPv4 } from 'node:net';
import * as v from 'valibot';
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

const bridge = v.array(v.object({ Subnet: v.string(), Gateway: v.optional(v.string()) }));

/**
 * This machine's address on a Docker bridge, of what Docker tells of it as JSON; `undefined` if it tells none. A daemon
 * that made the bridge a moment ago tells its subnet only, of which it has taken the first address.
 */
export const bridgeAddressOf = (told: string): string | undefined => {
  const [config] = v
    .parse(bridge, JSON.parse(told))
    .filter(({ Subnet }) => isIPv4(Subnet.split('/')[0] ?? ''));
  if (config === undefined) return undefined;
  const [a, b, c, d] = config.Subnet.split('/')[0]?.split('.') ?? [];
  return config.Gateway || [a, b, c, Number(d) + 1].join('.');
};

/**
 * The address to listen on. On Linux it is that of Docker's bridge, which only this machine and its containers reach;
 * Docker Desktop leads to the loopback address of the machine it runs on.
 */
export const findHostAddress = async (): Promise<string> => {
  const format = '{{json .IPAM.Config}}';
  const address = bridgeAddressOf(
    await docker(['network', 'inspect', 'bridge', '--format', format]),
  );
  return address !== undefined && (await isOfThisMachine(address)) ? address : '127.0.0.1';
};
