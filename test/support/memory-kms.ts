/** A KMS whose master key exists only in memory, for tests that run without a network. */
import { createSecretKey, randomBytes, randomUUID } from 'node:crypto';
import type { Exchange } from './adversary/wire.ts';
import { answerWith } from './kms-answer.ts';

export type MemoryKms = { readonly exchange: Exchange; readonly keyArn: string };

export const createMemoryKms = (): MemoryKms => {
  const keyId = randomUUID();
  const keyArn = `arn:aws:kms:us-east-1:000000000000:key/${keyId}`;
  const secret = createSecretKey(randomBytes(32));
  const reading = { keyId, secret, state: 'Enabled' } as const;
  const answer = answerWith({ arn: keyArn, read: () => reading });
  return {
    keyArn,
    exchange: async ({ operation, input }) => {
      const { status, body } = await answer(operation, input);
      return { status, body: JSON.stringify(body) };
    },
  };
};
