/** Named sets of characters for random values, which `dsvault --generate` and the console share. */
const digits = '0123456789';
const upper = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ';
const lower = upper.toLowerCase();
const alnum = upper + lower + digits;

/**
 * `alnum`, the default, needs no quotes in a shell, a URL or a `.env` file. `graph` is the set that
 * the password manager `pass` uses.
 */
export const alphabets: ReadonlyMap<string, string> = new Map([
  ['alnum', alnum],
  ['alpha', upper + lower],
  ['digits', digits],
  ['hex', `${digits}abcdef`],
  ['base64url', `${alnum}-_`],
  ['graph', String.fromCharCode(...Array.from({ length: 94 }, (_, index) => 0x21 + index))],
]);
