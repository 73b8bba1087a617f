import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { expect, it } from '@jest/globals';
import { findFreePort, findHiddenHost, isFree } from '../../../../local/process/ports.ts';

/** The first port that the system gives to outgoing connections. */
const firstOutgoing = (): number => {
  const file = '/proc/sys/net/ipv4/ip_local_port_range';
  return existsSync(file) ? Number.parseInt(readFileSync(file, 'utf8'), 10) : 49_152;
};

it('findFreePort returns a free port, which no outgoing connection takes while its program is started again', async () => {
  const ports = await Promise.all(Array.from({ length: 50 }, () => findFreePort()));
  expect(Math.max(...ports)).toBeLessThan(firstOutgoing());
  for (const port of ports.slice(0, 5)) {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    await new Promise((resolve) => server.close(resolve));
  }
});

it('findHiddenHost returns an address of this machine that nobody can guess, if the system has more than 127.0.0.1', async () => {
  const hosts = await Promise.all(Array.from({ length: 50 }, findHiddenHost));
  expect(new Set(hosts).size).toBe(process.platform === 'darwin' ? 1 : 50);
  for (const host of hosts.slice(0, 5)) expect(await isFree(0, host)).toBe(true);
});
