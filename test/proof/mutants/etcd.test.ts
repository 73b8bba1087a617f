import { describeMutants } from './notice.ts';

describeMutants('etcd');
