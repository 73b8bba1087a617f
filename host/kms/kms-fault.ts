/**
 * Creates an error with KMS's name for the fault. `functions/kms/data-keys.ts` recognises it by
 * this name.
 */
export const fault = (name: string, message: string): Error =>
  Object.assign(new Error(message), { name, isFault: true });

export const isFault = (error: unknown): error is Error =>
  error instanceof Error && 'isFault' in error;
