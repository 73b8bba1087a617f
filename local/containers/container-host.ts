/** The addresses at which containers reach a server of this machine. */
import { createServer, isIPv4 } from 'node:net';
import * as v from 'valibot';
import { docker } from './docker.ts';

/**
 * The name by which containers reach this machine. Docker Desktop defines it; elsewhere Docker's
 * `--add-host` does.
 */
export const hostName = 'host.docker.internal';
export const addHost = `${hostName}:host-gateway`;

/**
 * Whether an address belongs to this machine. Tests this by listening, because the system does not
 * list the address of a bridge to which no container is connected yet.
 */
const isOfThisMachine = (address: string): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer().once('error', () => resolve(false));
    server.listen(0, address, () => server.close(() => resolve(true)));
  });

const bridge = v.array(v.object({ Subnet: v.string(), Gateway: v.optional(v.string()) }));

/**
 * Returns this machine's address on a Docker bridge, from Docker's description of the bridge as
 * JSON; `undefined` if it has none. If Docker made the bridge a moment ago, the description has
 * only the subnet, whose first address is this machine's.
 */
export const bridgeAddressOf = (answer: string): string | undefined => {
  const [config] = v
    .parse(bridge, JSON.parse(answer))
    .filter(({ Subnet }) => isIPv4(Subnet.split('/')[0] ?? ''));
  if (config === undefined) return undefined;
  const [a, b, c, d] = config.Subnet.split('/')[0]?.split('.') ?? [];
  return config.Gateway || [a, b, c, Number(d) + 1].join('.');
};

/**
 * Returns the address to listen on. On Linux it is the address of Docker's bridge, which only this
 * machine and its containers reach. Docker Desktop forwards to the loopback address of its machine.
 */
export const findHostAddress = async (): Promise<string> => {
  const format = '{{json .IPAM.Config}}';
  const address = bridgeAddressOf(
    await docker(['network', 'inspect', 'bridge', '--format', format]),
  );
  return address !== undefined && (await isOfThisMachine(address)) ? address : '127.0.0.1';
};
