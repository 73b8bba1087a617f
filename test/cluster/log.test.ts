import { expect, it } from '@jest/globals';
import { startEtcdLog } from '../support/etcd.ts';
import { describeLog } from '../support/log-contract.ts';

describeLog('the log over etcd', startEtcdLog);

it('the log over etcd stops with a sentence at what is no entry, and does not pass over it', async () => {
  const { log, spoil, close } = await startEtcdLog();
  try {
    await spoil();
    const start = () => ({ revision: 0, version: 0 });
    const followed = log.follow(start, async () => undefined, new AbortController().signal);
    await expect(followed).rejects.toThrow('the log holds what is no entry');
  } finally {
    await close();
  }
});
