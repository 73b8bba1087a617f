/** Plaintext that must not be found, in every form in which it could be written. */
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** A new canary with characters that JSON, URLs and base64 each write differently. */
export const newCanary = (): string => `cänary "${randomBytes(12).toString('hex')}" +/=&\\`;

/** The forms in which a unique value may be written: as it is, and in common encodings. */
export const canaryForms = (value: string): readonly Buffer[] => {
  const raw = Buffer.from(value, 'utf8');
  const hex = raw.toString('hex');
  // Base64 depends on the alignment: keep at each alignment the characters that only the value decides.
  const base64 = [0, 1, 2].map((before) =>
    Buffer.concat([Buffer.alloc(before), raw])
      .toString('base64')
      .slice(before === 0 ? 0 : 4, -4),
  );
  const json = JSON.stringify(value).slice(1, -1);
  const texts = [
    hex,
    hex.toUpperCase(),
    ...base64,
    ...base64.map((text) => text.replaceAll('+', '-').replaceAll('/', '_')),
    encodeURIComponent(value),
    json,
    inAscii(json),
    inAscii(json).replace(/\\u[0-9a-f]{4}/g, (escaped) => `\\u${escaped.slice(2).toUpperCase()}`),
  ];
  const forms = [
    raw,
    // Node stores a string without characters above U+00FF in Latin-1, and any other in UTF-16.
    Buffer.from(value, 'latin1'),
    Buffer.from(value, 'utf16le'),
    ...texts.map((text) => Buffer.from(text)),
  ];
  return [...new Map(forms.map((form) => [form.toString('latin1'), form])).values()];
};

/** JSON with ASCII characters only. */
const inAscii = (json: string): string =>
  json.replace(
    /[^\0-\x7f]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );

/** The forms that `where` contains. */
export const findCanaries = (
  where: Uint8Array,
  forms: readonly Uint8Array[],
): readonly Uint8Array[] => {
  const bytes = Buffer.from(where.buffer, where.byteOffset, where.byteLength);
  return forms.filter((form) => bytes.includes(Buffer.from(form)));
};

/** All files below a folder with their present content. */
export function* contentsOf(folder: string): Generator<{ file: string; content: Buffer }> {
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const file = join(entry.parentPath, entry.name);
    try {
      yield { file, content: readFileSync(file) };
    } catch (error) {
      // A running program may have removed the file meanwhile.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
}
