/**
 * The embedded KMS: one master key behind the operations of KMS's own API, for the callers in this process. There is no
 * port, because a process that is to use the key opens the key's file itself.
 */
import type { Answer } from '../../functions/runtime/in-process.ts';
import type { MasterKey } from './key-file.ts';
import { fault, isFault } from './kms-fault.ts';
import { operations } from './kms-operations.ts';

const isInput = (input: unknown): input is Record<string, unknown> =>
  typeof input === 'object' && input !== null && !Array.isArray(input);

/** Performs one operation. Throws a fault of KMS. */
const perform = (key: MasterKey, name: string, input: unknown): object => {
  const operation = operations.get(name);
  if (operation === undefined) {
    throw fault('UnknownOperationException', `${name} is not served here.`);
  }
  if (!isInput(input)) throw fault('SerializationException', 'The body is no JSON object.');
  return operation(key, input);
};

/** Answers with the status and the body that KMS would send for this key. */
export const answerWith =
  (key: MasterKey): Answer =>
  async (operation, body) => {
    try {
      return { status: 200, body: perform(key, operation, body) };
    } catch (error) {
      const known = isFault(error) ? error : fault('KMSInternalException', 'The local KMS failed.');
      const said = { __type: known.name, message: known.message };
      return { status: isFault(error) ? 400 : 500, body: said };
    }
  };
