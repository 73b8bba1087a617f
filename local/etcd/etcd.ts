/** The calls of one node to its member of etcd, grouped. */
import type { EtcdClient } from './etcd-client.ts';
import { createWriteGroup, type Write } from './group-commit.ts';
import { createOverlap } from './overlap.ts';
import { createReadGroup, type Read } from './read-group.ts';
import { createRevisions } from './revisions.ts';

export type Etcd = { readonly read: Read; readonly write: Write };

/** `onGoneBack` gets a sentence when etcd answers with less than it had before: the node must stop serving. */
export const createEtcd = (client: EtcdClient, onGoneBack: (sentence: string) => void): Etcd => {
  const revisions = createRevisions(onGoneBack);
  const overlap = createOverlap();
  const read = createReadGroup(client, revisions, overlap.gather);
  const write = createWriteGroup(client, revisions, overlap.gather);
  return {
    read: (ranges, deadline) => overlap.during(read(ranges, deadline)),
    write: (txn, deadline) => overlap.during(write(txn, deadline)),
  };
};
