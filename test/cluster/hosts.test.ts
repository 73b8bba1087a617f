/**
 * Three nodes on different hosts, set up as in docs/deploy/machines.md: what strangers on their
 * network can reach, and what happens when an operator replaces a machine and its address.
 */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { connectMember } from '../../host/etcd/member-client.ts';
import { memberAddress } from '../../host/node/member.ts';
import { describeAsRoot } from '../support/needs.ts';
import { openTrial, type Trial } from './trial.ts';

const numbers = [1, 2, 3];

describeAsRoot('three nodes on three hosts', () => {
  let trial: Trial;
  beforeAll(async () => {
    trial = await openTrial(1);
  });
  afterAll(() => trial.close());

  const run = async (node: number, ...command: readonly string[]): Promise<string> => {
    const ran = await trial.nodes.run(node, command);
    expect(ran).toMatchObject({ code: 0 });
    return ran.stdout;
  };
  it('listen beyond loopback only on the port of the vault and the two ports of the nodes', async () => {
    for (const node of numbers) {
      const { host, port, peerHost, etcdPort, peerPort } = trial.nodes.network.placeOf(node);
      const lines = (await run(node, 'ss', '-Hltn')).trim().split('\n');
      const addresses = lines.map((line) => line.split(/\s+/)[3] ?? '');
      expect(addresses.filter((address) => !address.startsWith('127.')).sort()).toEqual(
        [`${host}:${port}`, `${peerHost}:${etcdPort}`, `${peerHost}:${peerPort}`].sort(),
      );
    }
  });

  it.each(['tls', 'plain'])(
    'answer a stranger without a certificate at most with a refusal, on the ports of the nodes (%s)',
    async (how) => {
      const { peerHost, etcdPort, peerPort } = trial.nodes.network.placeOf(1);
      for (const port of [etcdPort, peerPort]) {
        const stranger = ['test/cluster/stranger.ts', peerHost, String(port), how];
        const answer = await run(2, process.execPath, ...stranger);
        expect(answer).toMatch(
          /^(HTTP\/1\.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server\.\n)?$/,
        );
      }
    },
  );

  it('copy all data to a new machine whose address differs from that of the lost one', async () => {
    const { nodes, create, expectEverywhere, untilServing } = trial;
    const before = await create([1]);
    await nodes.replaceMachine(3, 4);
    await untilServing();
    await expectEverywhere(before);
    await expectEverywhere(await create([3]));
    const member = connectMember(memberAddress(nodes.folderOf(1)));
    const members = await member.listMembers(performance.now() + 5_000);
    member.close();
    expect(members).toHaveLength(3);
    const { peerHost } = nodes.network.placeOf(4);
    expect(members.filter(({ peerURLs }) => peerURLs.join().includes(peerHost))).toHaveLength(1);
  });
});
