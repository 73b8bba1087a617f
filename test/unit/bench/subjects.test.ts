import { afterEach, expect, it } from '@jest/globals';
import { startFloor } from '../../../bench/subjects.ts';

const names = ['AWS_ENDPOINT_URL_DYNAMODB', 'AWS_ENDPOINT_URL_KMS', 'MASTER_KEY_ID'];
afterEach(() => {
  for (const name of names) delete process.env[name];
});

it.each(names)('the floor of the bench refuses to write with %s of the user', async (name) => {
  process.env[name] = 'https://elsewhere';
  await expect(startFloor('/no/such/folder')).rejects.toThrow(`unset ${name}`);
});
