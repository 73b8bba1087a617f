/** Generates texts that resemble `.env` files, valid and invalid ones. */
import fc from 'fast-check';
import { anyCharacter } from './characters.ts';

const fragment = fc.constantFrom(
  ...['A', 'B', 'API_KEY', '=', '=', '=', 'export ', ' ', '\t', '#', ' # ', "'", '"', '\\', '\\"'],
  ...['\\n', '\n', '\n', '\n', '\r\n', '\r', '\0', '\uFEFF', '$', '`', '1', 'é', '😀', '\u00a0'],
  ...['secret(A)', 'enc(B)', 'Secret(', 'enc (', 'hunter2', "A='x'\n", 'B="y\\$"\n', 'C=z # c\n'],
);

/** Any well-formed text, most of it close to the grammar. */
export const fileText: fc.Arbitrary<string> = fc.oneof(
  { weight: 4, arbitrary: fc.array(fragment, { maxLength: 40 }).map((all) => all.join('')) },
  { weight: 1, arbitrary: fc.string({ unit: anyCharacter }) },
);
