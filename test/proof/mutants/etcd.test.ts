import { etcdMutants } from './etcd.ts';
import { describeMutants } from './notice.ts';

describeMutants('the store over etcd', etcdMutants);
