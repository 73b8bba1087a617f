/**
 * A master key for LocalStack's KMS, which loses everything at a restart. The folder has the key's
 * id and material, and each start imports them into KMS again, so that values of earlier runs can
 * still be opened.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { CreateKeyCommand, type KMSClient } from '@aws-sdk/client-kms';
import * as v from 'valibot';
import { failure } from '../../system/failures.ts';
import { createFileOnce } from '../../system/files.ts';

const stored = v.strictObject({
  id: v.pipe(v.string(), v.uuid()),
  /** The key itself: 32 bytes as base64. */
  material: v.pipe(v.string(), v.length(44)),
});
export type FixedKey = v.InferOutput<typeof stored>;

/** Returns the key of the folder, or creates it the first time. */
export const openFixedKey = (folder: string): FixedKey => {
  const file = join(folder, 'localstack-key.json');
  const make = () =>
    JSON.stringify({ id: randomUUID(), material: randomBytes(32).toString('base64') });
  try {
    return v.parse(stored, JSON.parse(createFileOnce(file, make)));
  } catch {
    // No cause is attached, because it would quote the material.
    throw failure(`${file} is damaged: put back a copy, or move the whole folder away`);
  }
};

/** Imports the key into LocalStack's KMS, replaces a key with the same id, and returns its ARN. */
export const putFixedKey = async (kms: KMSClient, { id, material }: FixedKey): Promise<string> => {
  const Tags = [
    { TagKey: '_custom_id_', TagValue: id },
    { TagKey: '_custom_key_material_', TagValue: material },
  ];
  const { KeyMetadata } = await kms.send(new CreateKeyCommand({ Tags }));
  return KeyMetadata?.Arn ?? '';
};
