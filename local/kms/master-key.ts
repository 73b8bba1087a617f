/**
 * The one master key of the embedded KMS, its state, and the one access key that may use it, in a file for its owner
 * only. Without this file no stored value can ever be opened again.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import * as v from 'valibot';
import { failure } from '../../system/failures.ts';
import { createFileOnce, replaceFile } from '../../system/files.ts';

const account = 'arn:aws:kms:us-east-1:000000000000:';

const stored = v.strictObject({
  format: v.literal(1),
  keyId: v.pipe(v.string(), v.uuid()),
  keyMaterial: v.pipe(v.string(), v.base64(), v.length(44)),
  state: v.picklist(['Enabled', 'Disabled', 'PendingDeletion']),
  createdAt: v.number(),
  accessKeyId: v.string(),
  secretAccessKey: v.string(),
});
type Stored = v.InferOutput<typeof stored>;

export type KeyState = Stored['state'];
export type Credentials = { readonly accessKeyId: string; readonly secretAccessKey: string };

export type MasterKey = {
  readonly keyId: string;
  readonly arn: string;
  readonly alias: string;
  readonly aliasArn: string;
  readonly material: Buffer;
  readonly createdAt: number;
  readonly credentials: Credentials;
  readonly state: () => KeyState;
  /** Sets the state. It is durable when this returns. */
  readonly setState: (state: KeyState) => void;
};

const makeKey = (): string =>
  JSON.stringify({
    format: 1,
    keyId: randomUUID(),
    keyMaterial: randomBytes(32).toString('base64'),
    state: 'Enabled',
    createdAt: Date.now(),
    accessKeyId: `LOCAL${randomBytes(8).toString('hex').toUpperCase()}`,
    secretAccessKey: randomBytes(30).toString('base64url'),
  } satisfies Stored);

const parseStored = (text: string): Stored | undefined => {
  try {
    return v.parse(stored, JSON.parse(text));
  } catch {
    // The error is not even a cause, because a JSON parser's message quotes the text, and the text is the key.
    return undefined;
  }
};

/** Opens the key in this file; makes it the first time. */
export const openMasterKey = (file: string): MasterKey => {
  const key = parseStored(createFileOnce(file, makeKey));
  if (key === undefined) {
    throw failure(`${file} is damaged: put back a copy, or move the whole data folder away`);
  }
  const { keyId, keyMaterial, createdAt, accessKeyId, secretAccessKey } = key;
  let state = key.state;
  return {
    keyId,
    arn: `${account}key/${keyId}`,
    alias: 'alias/vault',
    aliasArn: `${account}alias/vault`,
    material: Buffer.from(keyMaterial, 'base64'),
    createdAt,
    credentials: { accessKeyId, secretAccessKey },
    state: () => state,
    setState: (next) => {
      replaceFile(file, JSON.stringify({ ...key, state: next } satisfies Stored));
      state = next;
    },
  };
};
