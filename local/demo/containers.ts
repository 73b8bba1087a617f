/** Runs the nodes of the demo as containers of a compose project of their own. */
import { containerCluster } from '../containers/cluster.ts';
import { closeAtEnd } from '../host/ending.ts';
import { type Nodes, scopes } from './nodes.ts';

export type ContainersOptions = {
  /** Holds compose.yaml and node_modules. */
  readonly root: string;
  readonly say: (line: string) => void;
};

/** Starts the containers. `close` removes them and their data. */
export const startContainers = async ({ root, say }: ContainersOptions): Promise<Nodes> => {
  const cluster = containerCluster({ root, name: 'vault-demo', say });
  const command = (action: 'kill' | 'start') => async (target: number) =>
    void (await cluster.run({ action, target: target as 1 }));
  const close = () => cluster.down(true);
  const takeBack = closeAtEnd(close);
  return {
    urls: await cluster.up(),
    kill: command('kill'),
    start: command('start'),
    disableKey: async () => void (await cluster.atKey('key', 'disable')),
    enableKey: async () => void (await cluster.atKey('key', 'enable')),
    status: cluster.status,
    tokenOf: (tenant) =>
      cluster.atKey('token', '--tenant', tenant, '--sub', 'demo', '--scope', scopes),
    close: async () => {
      takeBack();
      await close();
    },
  };
};
