/**
 * Encrypts the messages between the page and the server of the console; both import this file. A
 * tab may outlive its console, and any program may then take the port. Without the secret of the
 * session, that program can neither read what the tab sends nor forge an answer that the tab
 * accepts.
 */

/** A secret that page and server share. The id is sent in clear, the secret only sealed. */
export type SharedSecret = { readonly id: string; readonly secret: string };

export type Key = Awaited<ReturnType<typeof crypto.subtle.importKey>>;

type Bytes = Uint8Array<ArrayBuffer>;

const algorithm = 'AES-GCM';
const ivBytes = 12;

/**
 * Derives the key from a secret, which must be random and too long to guess. The key is not
 * extractable, so no script can read it.
 */
export const deriveKey = async (secret: string): Promise<Key> => {
  const bytes = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(secret));
  return await crypto.subtle.importKey('raw', bytes, algorithm, false, ['encrypt', 'decrypt']);
};

/**
 * Seals a document for one purpose. Only a holder of the key can read it, and it does not open
 * under another purpose.
 */
export const seal = async (key: Key, content: unknown, purpose: string): Promise<Bytes> => {
  const iv = crypto.getRandomValues(new Uint8Array(ivBytes));
  const plain = new TextEncoder().encode(JSON.stringify(content));
  const sealed = new Uint8Array(await crypto.subtle.encrypt(boundTo(iv, purpose), key, plain));
  const whole = new Uint8Array(ivBytes + sealed.length);
  whole.set(iv);
  whole.set(sealed, ivBytes);
  return whole;
};

/** Opens what `seal` made with the same key and purpose. Rejects anything else. */
export const unseal = async (key: Key, whole: Bytes, purpose: string): Promise<unknown> => {
  const parameters = boundTo(whole.subarray(0, ivBytes), purpose);
  const plain = await crypto.subtle.decrypt(parameters, key, whole.subarray(ivBytes));
  return JSON.parse(new TextDecoder().decode(plain));
};

/**
 * Returns the purpose of one part of an answer. It is bound to the request and to the part's index,
 * so no part of another answer can stand in for it and parts cannot be reordered.
 */
export const purposeOfAnswer = (request: Bytes, part: number): string =>
  `part ${part} of the answer to ${request.subarray(0, ivBytes)}`;

const boundTo = (iv: Bytes, purpose: string) => ({
  ...{ name: algorithm, iv, additionalData: new TextEncoder().encode(purpose) },
});

/** The largest sealed request that the server accepts. */
export const requestBytesMax = 2_097_152;
