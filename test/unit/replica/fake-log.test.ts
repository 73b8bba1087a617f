import { expect, it } from '@jest/globals';
import { isNotAppended } from '../../../local/replica/log.ts';
import { createWrite } from '../../../local/replica/write.ts';
import { createFakeLog } from '../../support/fake-log.ts';
import { describeLog } from '../../support/log-contract.ts';

describeLog('the log in memory', async () => {
  const log = createFakeLog(2);
  return {
    log,
    writeElsewhere: async () => log.writeElsewhere(),
    loseMajority: async () => log.setMajority(false),
    close: async () => log.close(),
  };
});

it('the log in memory fails in the ways it is told', async () => {
  const log = createFakeLog();
  log.fail('lost', 'late', 'never', 'busy');
  const append = () =>
    log.append([createWrite('PutItem', {})]).catch((error: unknown) => isNotAppended(error));
  const replies = [await append(), await append(), await append(), await append(), await append()];
  expect(replies).toEqual([false, false, false, true, undefined]);
  expect(log.entries()).toHaveLength(2);
  log.bringLate();
  expect(log.entries()).toHaveLength(3);
});
