/** Values that are hard to write, and values as people have them. */
import fc from 'fast-check';
import { anyCharacter } from '../../support/characters.ts';

/** Texts that readers may mistake for syntax. */
const special = [
  ...`'"\\\`$#{}()=:-?!~;&|<>* \t\n\r`,
  ...['\u0000', '\u001c', '\u007f', '\u0085', '\u00a0', '\u2028', '\uFEFF', '\u017f', 'é', '😀'],
];

/** Every ASCII character: alone, inside, at both ends, and next to quotes. */
const single = Array.from({ length: 0x80 }, (_, n) => String.fromCharCode(n)).flatMap((one) => [
  ...[one, `a${one}`, `${one}a`, `a${one}b`, `${one}${one}`, `\\${one}`, `$${one}`, `a #${one}`],
  ...[`${one}'`, `'${one}`, `it's${one}"`, `\`'${one}"`, `\${${one}}`, `$(${one})`],
]);

const pairs = special.flatMap((one) => special.map((other) => one + other));
const triples = [...`'"\\\`$#{(n \n\ra`].flatMap((a, _, all) =>
  all.flatMap((b) => all.map((c) => a + b + c)),
);

const pem = `-----BEGIN PRIVATE KEY-----\n${'MIIEvQIBADANBgkqhkiG9w0BAQEFAASC+/8=\n'.repeat(20)}-----END PRIVATE KEY-----\n`;
const account = {
  type: 'service_account',
  key: pem,
  note: `it's "quoted" \\ $HOME #1`,
  n: [1, null],
};

/** Values from real files, and values made up as hard cases. */
const known: readonly string[] = [
  ...['', ' ', 'hunter2', 'a b', 'a#b', 'a #b', '#', ' a ', '\ta\t', "it's", `it's "x"`, 'f(x)'],
  ...['pa$word1', `\${HOME}x`, '$(echo hi)', '`echo hi`', 'a\\nb', 'ab\\', '\\', '\\\\', '$$', '$'],
  ...['$(touch /tmp/ran)', '"; touch /tmp/ran; "', "'; touch /tmp/ran; '", '$((1+1))', '!!', '~'],
  ...['l1\nl2', 'a\r\nb', '\r', '\n', 'a\r', 'a\n', 'a\tb', 'héllo ✓', '👩‍👩‍👧'],
  ...['\uFEFFa', 'a\u2028T=1'],
  ...`\${X:-y} \${X:?no} \${X \${} \${:-} \${X:+y} \${\${X}} $X \\$X a$ $1`.split(' '),
  ...['K=1', 'export K=1', 'a\nK=1', "a'\nK='1", 'a"\nK="1', '#\nK=1', 'EOF\n', 'encrypted:AAAA'],
  ...[pem, pem.replaceAll('\n', '\r\n'), JSON.stringify(account), JSON.stringify(account, null, 2)],
  'postgres://app:p%40ss@db.internal:5432/app?sslmode=require',
  'eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl-_',
  '$2b$12$KIXQ3hZC0lF1xYb1r1O2fO8m7YxgWQn0Qe1Gx6mG1o6q8x1z0a1b2',
];

/** Values of the maximum length. */
const longest: readonly string[] = [
  ...['x'.repeat(65_536), '\n'.repeat(65_536), `'"\\$\`\n`.repeat(10_922), '\\'.repeat(65_536)],
  ...['$'.repeat(65_536), '😀'.repeat(16_384), pem.repeat(80), `\${a}`.repeat(16_384)],
];

const character = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom(...special) },
  { weight: 2, arbitrary: fc.constantFrom(...'abnrtxABZ019_./') },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 0x7f }).map((n) => String.fromCharCode(n)) },
  { weight: 1, arbitrary: fc.string({ unit: anyCharacter, minLength: 1, maxLength: 1 }) },
);
const hard = fc.array(character, { maxLength: 14 }).map((all) => all.join(''));

const printable = fc.integer({ min: 0x20, max: 0x7e }).map((n) => String.fromCharCode(n));
const text = (unit: fc.Arbitrary<string>, min: number, max: number) =>
  fc.array(unit, { minLength: min, maxLength: max, size: 'max' }).map((all) => all.join(''));
const letters = fc.constantFrom(
  ...'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789',
);

/** Passwords as generators make them, with any printable characters. */
const passwords = text(printable, 12, 32);

/** Values as people store them: tokens, URLs, passwords, keys, JSON, sentences. */
const usual = fc.oneof(
  text(letters, 16, 64),
  fc.base64String({ minLength: 16, maxLength: 64 }),
  passwords,
  fc.webUrl({ withQueryParameters: true, withFragments: true }),
  fc.json(),
  text(fc.constantFrom(...'abcdefgh    ,.!?\'"-éü'), 10, 60),
  fc.constant(pem),
);

const sample = (values: fc.Arbitrary<string>, numRuns: number, seed: number): string[] =>
  fc.sample(values, { numRuns, seed });

/** Returns more than 20,000 values in named sets. The same seed gives the same values. */
export const valueSets = (seed: number): ReadonlyMap<string, readonly string[]> =>
  new Map([
    [
      'made to be hard',
      [...known, ...longest, ...single, ...pairs, ...triples, ...sample(hard, 14_000, seed)],
    ],
    ['printable passwords', sample(passwords, 3_000, seed)],
    ['usual secrets', sample(usual, 3_000, seed)],
  ]);
