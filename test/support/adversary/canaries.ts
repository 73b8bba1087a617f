/** Plaintext that must be found nowhere, in every form in which it could stand somewhere. */

/** A value that nothing else holds: searched for as it is and as it may be written down. */
export const canaryForms = (value: string): readonly Buffer[] => {
  const raw = Buffer.from(value, 'utf8');
  const hex = raw.toString('hex');
  // Base64 shifts with what stands before: at each alignment, the characters that only the value decides.
  const base64 = [0, 1, 2].map((before) =>
    Buffer.concat([Buffer.alloc(before), raw])
      .toString('base64')
      .slice(before === 0 ? 0 : 4, -4),
  );
  const texts = [
    hex,
    hex.toUpperCase(),
    ...base64,
    ...base64.map((text) => text.replaceAll('+', '-').replaceAll('/', '_')),
    encodeURIComponent(value),
    JSON.stringify(value).slice(1, -1),
  ];
  const forms = [raw, Buffer.from(value, 'utf16le'), ...texts.map((text) => Buffer.from(text))];
  return [...new Map(forms.map((form) => [form.toString('latin1'), form])).values()];
};

/** The forms that `where` holds. */
export const findCanaries = (
  where: Uint8Array,
  forms: readonly Uint8Array[],
): readonly Uint8Array[] => {
  const bytes = Buffer.from(where.buffer, where.byteOffset, where.byteLength);
  return forms.filter((form) => bytes.includes(Buffer.from(form)));
};
