/** The embedded KMS without HTTP: the same operations, with a master key in memory. */
import { randomBytes, randomUUID } from 'node:crypto';
import { isFault } from '../../local/kms/fault.ts';
import type { KeyState, MasterKey } from '../../local/kms/master-key.ts';
import { operations } from '../../local/kms/operations.ts';
import { type Exchange, faultReply } from './adversary/wire.ts';

export type MemoryKms = { readonly exchange: Exchange; readonly keyArn: string };

const account = 'arn:aws:kms:us-east-1:000000000000:';

export const createMemoryKms = (): MemoryKms => {
  let state: KeyState = 'Enabled';
  const keyId = randomUUID();
  const key: MasterKey = {
    keyId,
    arn: `${account}key/${keyId}`,
    alias: 'alias/vault',
    aliasArn: `${account}alias/vault`,
    material: randomBytes(32),
    createdAt: 0,
    credentials: { accessKeyId: '', secretAccessKey: '' },
    state: () => state,
    setState: (next) => {
      state = next;
    },
  };
  return {
    keyArn: key.arn,
    exchange: async ({ operation, input }) => {
      try {
        const output = operations.get(operation)?.(key, input) ?? {};
        return { status: 200, body: JSON.stringify(output) };
      } catch (error) {
        if (!isFault(error)) throw error;
        return faultReply(400, error.name);
      }
    },
  };
};
