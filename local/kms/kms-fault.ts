/** The errors of KMS's own HTTP protocol; the type becomes the client's exception class. */
export type FaultType =
  | 'DisabledException'
  | 'IncorrectKeyException'
  | 'InvalidCiphertextException'
  | 'KMSInvalidStateException'
  | 'KMSInternalException'
  | 'NotFoundException'
  | 'SerializationException'
  | 'UnknownOperationException'
  | 'ValidationException';

/** Makes an error whose name is the type. */
export const fault = (type: FaultType, message: string): Error =>
  Object.assign(new Error(message), { name: type, isFault: true });

export const isFault = (error: unknown): error is Error =>
  error instanceof Error && 'isFault' in error;
