/** The calls of one node to its member of etcd, grouped. */
import type { EtcdClient } from './client.ts';
import { createReadGroup, type Read } from './read-group.ts';
import { createRevisions } from './revisions.ts';
import { createWriteGroup, type Write } from './write-group.ts';

export type Etcd = { readonly read: Read; readonly write: Write };

/** `onGoneBack` gets a sentence when etcd answers with less than it had before: the node must stop serving. */
export const createEtcd = (client: EtcdClient, onGoneBack: (sentence: string) => void): Etcd => {
  const revisions = createRevisions(onGoneBack);
  return {
    read: createReadGroup(client, revisions),
    write: createWriteGroup(client, revisions),
  };
};
