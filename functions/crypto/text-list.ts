const lengthBytes = 4;

/**
 * Encodes a list of texts: each as UTF-8 after its length, a big-endian uint32, so that different
 * lists have different encodings. The encoding starts with `head`, unchanged. All of it is written
 * into one buffer, because a read makes several such lists of ten texts.
 */
export const encodeTexts = (
  texts: readonly string[],
  head: Uint8Array = new Uint8Array(0),
): Buffer => {
  const lengths = texts.map((text) => Buffer.byteLength(text));
  const size = lengths.reduce((sum, length) => sum + lengthBytes + length, head.length);
  const bytes = Buffer.alloc(size);
  bytes.set(head);
  let at = head.length;
  for (const [index, text] of texts.entries()) {
    at = bytes.writeUInt32BE(lengths[index] ?? 0, at);
    at += bytes.write(text, at);
  }
  return bytes;
};
