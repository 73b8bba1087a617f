/**
 * Plaintexts that no file, log or request may contain, in every form in which they could be
 * written.
 */
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Returns a new canary, with characters that JSON, URLs and base64 each write differently. */
export const newCanary = (): string => `cänary "${randomBytes(12).toString('hex')}" +/=&\\`;

/** Returns the forms in which a canary may be written: raw, and in common encodings. */
export const canaryForms = (value: string): readonly Buffer[] => {
  const raw = Buffer.from(value, 'utf8');
  const hex = raw.toString('hex');
  // Base64 depends on the alignment. For each alignment, keep only the characters that the value
  // alone determines.
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
    // V8 stores a string as Latin-1 if no character is above U+00FF, and as UTF-16 otherwise.
    Buffer.from(value, 'latin1'),
    Buffer.from(value, 'utf16le'),
    ...texts.map((text) => Buffer.from(text)),
  ];
  return [...new Map(forms.map((form) => [form.toString('latin1'), form])).values()];
};

/** Escapes everything outside ASCII. */
const inAscii = (json: string): string =>
  json.replace(
    /[^\0-\x7f]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );

/** Returns those of the forms that `where` contains. */
export const findCanaries = (
  where: Uint8Array,
  forms: readonly Uint8Array[],
): readonly Uint8Array[] => {
  const bytes = Buffer.from(where.buffer, where.byteOffset, where.byteLength);
  return forms.filter((form) => bytes.includes(Buffer.from(form)));
};

/** Yields every file below a folder, with its content. */
export function* contentsOf(folder: string): Generator<{ file: string; content: Buffer }> {
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const file = join(entry.parentPath, entry.name);
    try {
      yield { file, content: readFileSync(file) };
    } catch (error) {
      // A running program may have removed the file in the meantime.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
}
