/**
 * Makes a ciphertext and a tag that open under two keys of AES-256-GCM. The tag is a polynomial
 * over GF(2^128) in a secret derived from the key (NIST SP 800-38D). So one block of the ciphertext
 * can be chosen to make both tags equal.
 */
import { createCipheriv, randomBytes } from 'node:crypto';

const blockBytes = 16;
/** The polynomial x^128 + x^7 + x^2 + x + 1, in the bit order of the standard. */
const reduction = 0xe1n << 120n;
const one = 1n << 127n;

const toField = (block: Uint8Array): bigint => BigInt(`0x${Buffer.from(block).toString('hex')}`);
const toBlock = (element: bigint): Buffer =>
  Buffer.from(element.toString(16).padStart(2 * blockBytes, '0'), 'hex');

const multiply = (a: bigint, b: bigint): bigint => {
  let product = 0n;
  let shifted = b;
  for (let bit = 127n; bit >= 0n; bit -= 1n) {
    if ((a >> bit) & 1n) product ^= shifted;
    shifted = shifted & 1n ? (shifted >> 1n) ^ reduction : shifted >> 1n;
  }
  return product;
};

/**
 * Returns the inverse of an element, by Fermat's little theorem: raises it to the power 2^128 − 2.
 */
const invert = (a: bigint): bigint => {
  let inverse = one;
  let square = a;
  for (let bit = 1; bit < 128; bit += 1) {
    square = multiply(square, square);
    inverse = multiply(inverse, square);
  }
  return inverse;
};

const encryptBlock = (key: Uint8Array, block: Uint8Array): bigint => {
  const cipher = createCipheriv('aes-256-ecb', key, null).setAutoPadding(false);
  return toField(cipher.update(block));
};

const blocksOf = (bytes: Uint8Array): bigint[] => {
  const padded = Buffer.alloc(Math.ceil(bytes.length / blockBytes) * blockBytes);
  padded.set(bytes);
  return Array.from({ length: padded.length / blockBytes }, (_, index) =>
    toField(padded.subarray(index * blockBytes, (index + 1) * blockBytes)),
  );
};

const lengthsOf = (aad: Uint8Array, ciphertextBytes: number): bigint =>
  (BigInt(aad.length * 8) << 64n) | BigInt(ciphertextBytes * 8);

/** Returns the secret `h` that GCM derives from a key, and the mask of the tag. */
const secretsOf = (key: Uint8Array, iv: Uint8Array) => ({
  h: encryptBlock(key, Buffer.alloc(blockBytes)),
  mask: encryptBlock(key, Buffer.concat([iv, Buffer.of(0, 0, 0, 1)])),
});

const tagOf = (
  { h, mask }: ReturnType<typeof secretsOf>,
  aad: Uint8Array,
  ciphertext: readonly bigint[],
): bigint => {
  const lengths = lengthsOf(aad, ciphertext.length * blockBytes);
  const blocks = [...blocksOf(aad), ...ciphertext, lengths];
  return blocks.reduce((sum, block) => multiply(sum ^ block, h), 0n) ^ mask;
};

/**
 * Returns two blocks of ciphertext, followed by the tag that both keys accept. `iv` has 12 bytes.
 */
export const collide = (
  keyA: Uint8Array,
  keyB: Uint8Array,
  iv: Uint8Array,
  aad: Uint8Array,
): Buffer => {
  const [a, b] = [secretsOf(keyA, iv), secretsOf(keyB, iv)];
  const free = toField(randomBytes(blockBytes));
  const difference = tagOf(a, aad, [free, 0n]) ^ tagOf(b, aad, [free, 0n]);
  // In the tag, the second of two blocks is multiplied by the square of the secret.
  const solved = multiply(difference, invert(multiply(a.h, a.h) ^ multiply(b.h, b.h)));
  return Buffer.concat([free, solved, tagOf(a, aad, [free, solved])].map(toBlock));
};
