/** The whole table of a vault in etcd, for the commands of an operator. */
import type { Items, RestorableTable } from '../../functions/store/ports.ts';
import type { EtcdClient } from './etcd-client.ts';
import { createEtcdItems } from './etcd-items.ts';
import { createEtcd } from './group-commit.ts';
import { readItemAt, readPages } from './snapshot.ts';

type Writes = {
  /** Makes one write on behalf of a request. */
  readonly write: Items['write'];
  /** Makes a write that may be repeated safely. */
  readonly writeAgain?: Items['write'];
};

/**
 * Creates the table over a connection to etcd, which `close` closes. It reads from etcd, and writes
 * through the given functions. Each page shows the state at the time when it is read.
 */
export const createEtcdTable = (
  client: EtcdClient,
  { write, writeAgain = write }: Writes,
): RestorableTable => {
  const itemsOf = createEtcdItems(
    createEtcd({
      client,
      onGoneBack: (sentence) => {
        throw new Error(sentence);
      },
    }),
  );
  return {
    itemsOf: (context) => ({ ...itemsOf(context), write }),
    pages: (pk) => readPages(client.range, { pk }),
    get: (key) => readItemAt(client.range, key),
    write: writeAgain,
    findProblems: async () => [],
    close: async () => client.close(),
  };
};
