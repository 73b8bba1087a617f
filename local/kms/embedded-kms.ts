/**
 * The embedded KMS: one master key behind operations with the names, properties and faults of KMS's own API, for the
 * callers in this process. There is no port, because a process that is to use the key opens the key's file itself.
 */
import { randomBytes } from 'node:crypto';
import { keyIdOf } from '../../functions/model/types.ts';
import type { Answer } from '../../functions/runtime/in-process.ts';
import { type EncryptionContext, unwrap, wrap } from './data-key-wrapping.ts';
import type { KeyReading, MasterKey } from './key-file.ts';
import { fault, isFault } from './kms-fault.ts';

type Input = Readonly<Record<string, unknown>>;
type Operation = {
  /** The properties that the vault sends. Another one is rejected, because an ignored one would be believed. */
  readonly properties: readonly string[];
  /** Resolves to the output. Rejects with a fault of KMS. */
  readonly perform: (key: MasterKey, input: Input) => Promise<object>;
};

/** KMS's own limit on the characters of all names and values of an encryption context. */
const contextCharactersMax = 8_192;
const blobBytesMax = 6_144;

const invalid = (message: string) => fault('ValidationException', message);

const dataKeyBytes = 32;

const checkNamesTheKey = (key: MasterKey, keyId: unknown): void => {
  if (typeof keyId !== 'string' || keyId === '') throw invalid('KeyId must be a string.');
  if (keyId === key.arn || keyId === keyIdOf(key.arn)) return;
  throw fault('NotFoundException', `Key '${keyId}' does not exist`);
};

/** Returns the key if it may be used now. */
const readEnabled = (key: MasterKey): KeyReading => {
  const reading = key.read();
  if (reading.state === 'Enabled') return reading;
  throw reading.state === 'Disabled'
    ? fault('DisabledException', `${key.arn} is disabled.`)
    : fault('KMSInvalidStateException', `${key.arn} is pending deletion.`);
};

/** Text that is not well formed would change when it is encoded as UTF-8, so two contexts could become equal. */
const isExactText = (text: unknown): text is string =>
  typeof text === 'string' && text.isWellFormed();

const contextOf = (input: Input): EncryptionContext => {
  const context = input['EncryptionContext'] ?? {};
  if (typeof context !== 'object' || Array.isArray(context)) {
    throw invalid('EncryptionContext must be a map of strings.');
  }
  const entries: [string, string][] = Object.entries(context).map(([name, value]) => {
    if (!isExactText(name) || !isExactText(value)) {
      throw invalid('EncryptionContext must be a map of well-formed strings.');
    }
    return [name, value];
  });
  if (entries.flat().join('').length > contextCharactersMax) {
    throw invalid('EncryptionContext is too long.');
  }
  return new Map(entries);
};

const blobOf = (input: Input): Buffer => {
  const text = input['CiphertextBlob'];
  const blob = Buffer.from(typeof text === 'string' ? text : '', 'base64');
  const isBlob = blob.length > 0 && blob.toString('base64') === text;
  if (!isBlob || blob.length > blobBytesMax) {
    throw invalid(`CiphertextBlob must be base64 of 1 to ${blobBytesMax} bytes.`);
  }
  return blob;
};

const generateDataKey: Operation = {
  properties: ['KeyId', 'KeySpec', 'EncryptionContext'],
  perform: async (key, input) => {
    const context = contextOf(input);
    if (input['KeySpec'] !== 'AES_256') throw invalid('KeySpec must be AES_256 here.');
    const reading = readEnabled(key);
    await key.proof?.admit(reading);
    const dataKey = randomBytes(dataKeyBytes);
    const CiphertextBlob = wrap(reading, dataKey, context).toString('base64');
    const Plaintext = dataKey.toString('base64');
    dataKey.fill(0);
    return { CiphertextBlob, Plaintext, KeyId: key.arn };
  },
};

const decrypt: Operation = {
  properties: ['KeyId', 'CiphertextBlob', 'EncryptionContext'],
  perform: async (key, input) => {
    const blob = blobOf(input);
    const context = contextOf(input);
    const reading = readEnabled(key);
    const unwrapped = unwrap(reading, blob, context);
    if ('dataKey' in unwrapped) {
      key.proof?.opened(reading);
      const Plaintext = unwrapped.dataKey.toString('base64');
      unwrapped.dataKey.fill(0);
      return { KeyId: key.arn, Plaintext };
    }
    throw unwrapped.fault === 'other-master-key'
      ? fault('IncorrectKeyException', 'The key ID in the request does not identify the CMK used.')
      : fault('InvalidCiphertextException', '');
  },
};

const describeKey: Operation = {
  properties: ['KeyId'],
  perform: async (key) => {
    const reading = key.read();
    const { keyId, state } = reading;
    if (state === 'Enabled') await key.proof?.admit(reading);
    return { KeyMetadata: { Arn: key.arn, KeyId: keyId, KeyState: state } };
  },
};

/** The operations by their names in `X-Amz-Target`. */
const operations: ReadonlyMap<string, Operation> = new Map([
  ['GenerateDataKey', generateDataKey],
  ['Decrypt', decrypt],
  ['DescribeKey', describeKey],
]);

const isInput = (input: unknown): input is Input =>
  typeof input === 'object' && input !== null && !Array.isArray(input);

/** Performs one operation. Rejects with a fault of KMS. */
const perform = async (key: MasterKey, name: string, input: unknown): Promise<object> => {
  const operation = operations.get(name);
  if (operation === undefined) {
    throw fault('UnknownOperationException', `${name} is not served here.`);
  }
  if (!isInput(input)) throw fault('SerializationException', 'The body is no JSON object.');
  const other = Object.keys(input).find((property) => !operation.properties.includes(property));
  if (other !== undefined) throw invalid(`${other} is not served here.`);
  checkNamesTheKey(key, input['KeyId']);
  return await operation.perform(key, input);
};

/** Answers with the status and the body that KMS would send for this key. */
export const answerWith =
  (key: MasterKey): Answer =>
  async (operation, body) => {
    try {
      return { status: 200, body: await perform(key, operation, body) };
    } catch (error) {
      const known = isFault(error) ? error : fault('KMSInternalException', 'The local KMS failed.');
      const said = { __type: known.name, message: known.message };
      return { status: isFault(error) ? 400 : 500, body: said };
    }
  };
