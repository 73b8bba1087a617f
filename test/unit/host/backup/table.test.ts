import { expect, it } from '@jest/globals';
import { putItems } from '../../../../host/backup/table.ts';

it('a restore fails instead of retrying for ever if the store refuses items that it does not hold', async () => {
  const item = { pk: { S: 'p' }, sk: { S: 's' } };
  const refusing = async () => [{ is: 'failed', item: undefined }] as const;
  await expect(putItems(refusing, [item])).rejects.toThrow('the store refused items that it lacks');
});
