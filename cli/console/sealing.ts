/**
 * Seals what the page and the server of the console tell each other, for both of them. A tab may outlive its
 * console, and any program may take the port then: without the secret of the session, that program can
 * neither read what the tab sends nor make an answer that the tab believes.
 */

/** Names a secret that page and server share. The id is sent in clear, the secret only sealed. */
export type SharedSecret = { readonly id: string; readonly secret: string };

export type Key = Awaited<ReturnType<typeof crypto.subtle.importKey>>;

type Bytes = Uint8Array<ArrayBuffer>;

const algorithm = 'AES-GCM';
const ivBytes = 12;

/** The key for a secret, which must be random and too long to guess. No script can read the key again. */
export const keyOf = async (secret: string): Promise<Key> => {
  const bytes = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(secret));
  return await crypto.subtle.importKey('raw', bytes, algorithm, false, ['encrypt', 'decrypt']);
};

/** Seals a document for one purpose. Only a holder of the key can read the document, or give it another purpose. */
export const seal = async (key: Key, content: unknown, purpose: string): Promise<Bytes> => {
  const iv = crypto.getRandomValues(new Uint8Array(ivBytes));
  const plain = new TextEncoder().encode(JSON.stringify(content));
  const sealed = new Uint8Array(await crypto.subtle.encrypt(boundTo(iv, purpose), key, plain));
  const whole = new Uint8Array(ivBytes + sealed.length);
  whole.set(iv);
  whole.set(sealed, ivBytes);
  return whole;
};

/** Opens what `seal` made with the same key for the same purpose. Rejects for anything else. */
export const unseal = async (key: Key, whole: Bytes, purpose: string): Promise<unknown> => {
  const parameters = boundTo(whole.subarray(0, ivBytes), purpose);
  const plain = await crypto.subtle.decrypt(parameters, key, whole.subarray(ivBytes));
  return JSON.parse(new TextDecoder().decode(plain));
};

/** The purpose of a part of the answer: it names request and part, so no other answer or part can replace this one. */
export const purposeOfAnswer = (request: Bytes, part: number): string =>
  `part ${part} of the answer to ${request.subarray(0, ivBytes)}`;

const boundTo = (iv: Bytes, purpose: string) => ({
  ...{ name: algorithm, iv, additionalData: new TextEncoder().encode(purpose) },
});

/** The largest sealed request that the server takes. */
export const requestBytesMax = 2_097_152;
