import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { expect, it } from '@jest/globals';
import { findFreePort } from '../../../../host/process/ports.ts';

/** The first port that the system uses for outgoing connections. */
const firstOutgoing = (): number => {
  const file = '/proc/sys/net/ipv4/ip_local_port_range';
  return existsSync(file) ? Number.parseInt(readFileSync(file, 'utf8'), 10) : 49_152;
};

it('findFreePort returns a port that no outgoing connection can take while its program restarts', async () => {
  const ports = await Promise.all(Array.from({ length: 50 }, () => findFreePort()));
  expect(Math.max(...ports)).toBeLessThan(firstOutgoing());
  for (const port of ports.slice(0, 5)) {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    await new Promise((resolve) => server.close(resolve));
  }
});
