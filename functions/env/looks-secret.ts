/**
 * Guesses which plain values of a file are secrets. A name counts by its last words, such as
 * `API_KEY_V2` or `dbPassword`. A value counts if it is a token with a prefix known from its
 * issuer, a private key, a URL or connection string with a password, a header with a key, or long
 * random text. Random text is one word of at least 32 letters, digits and `+ / _ - =`, with both
 * cases and a digit, without 8 letters of one case in a row, and with at least 4 bits of entropy
 * per character (128 bits in all). Hex and UUIDs never count by themselves, because commits and
 * digests look the same.
 *
 * Because it is a guess, whoever acts on it must show what was found and what was left.
 */

const secretName =
  /(?:PASSWORD|PASSWD|PASSPHRASE|SECRET|TOKEN|APIKEY|CREDENTIALS?)$|(?:^|_)(?:PASS|PW|PAT|JWT|KEYS?|COOKIE|SALT|PEPPER|BASIC_AUTH)$|_PWD$/;
/**
 * Endings of a variable's name that do not change what its other words mean, such as `_V2` or
 * `_PROD`.
 */
const suffixes =
  /(?:_?V?\d|_(?:BASE|B64|OLD|NEW|PREVIOUS|CURRENT|PROD(?:UCTION)?|DEV|LIVE|STAGING|TEST|LOCAL))+$/;
const plainName = /(?:^|_)(?:PUBLIC|PUBLISHABLE|PRIMARY|FOREIGN|PARTITION|SORT|CACHE|SITE)_?KEYS?$/;
/** Words that occur in the names of secrets, but also in those of other settings. */
const doubtfulName =
  /SECRET|TOKEN|PASSW|PASSPHRASE|CREDENTIAL|COOKIE|PRIVATE|CRYPT|WEBHOOK|(?:^|_)(?:PASS|PWD|KEYS?|O?AUTH\d?|PAT|JWT|DSN|CERT|PEM|SALT|SIGNING|SEED|LICENSE)(?:_|$)/;
/**
 * Prefixes of public variables: build tools put their values into pages that everybody can read.
 */
const publicPrefix =
  /^(?:NEXT_PUBLIC|NUXT_PUBLIC|EXPO_PUBLIC|PUBLIC|VITE|REACT_APP|VUE_APP|GATSBY|STORYBOOK)_/;

const tokens = [
  /gh[pousr]_\w{36}|github_pat_\w{22}|gl(?:pat|dt|rt|ptt|cbt|soat|agent)-[\w-]{20}/,
  /xox[abeoprs]-[\w-]{10}|xapp-[\w-]{10}|[sr]k_(?:live|test)_\w{16}|whsec_\w{16}|sk-[\w-]{20}/,
  /AIza[\w-]{35}|GOCSPX-[\w-]{20}|ya29\.[\w-]{20}|npm_\w{36}|pypi-[\w-]{50}|hf_\w{30}/,
  /SG\.[\w-]{22}\.[\w-]{43}|do[opr]_v1_\w{64}|hv[bsr]\.[\w-]{20}|dp\.(?:pt|st|ct|sa)\.[\w.-]{30}/,
  /shp(?:at|ca|pa|ss)_\w{32}|dckr_(?:pat|oat)_[\w-]{20}|AGE-SECRET-KEY-1\w{50}|lin_api_\w{30}/,
  // JSON Web Tokens, and the secret tokens of Mapbox. Its public ones begin with `pk.`.
  /(?:sk\.)?eyJ[\w-]{10,}\.(?:eyJ)?[\w-]{10,}/,
].map(({ source }) => source);
const secretValues = [
  new RegExp(`(?<![\\w.-])(?:${tokens.join('|')})`),
  // A private key in PEM, also as Base64. In Base64, every PEM counts as a private key, unless its
  // type begins with `CERTIFICATE` or `PUBLIC`. So `RSA PUBLIC KEY` counts.
  /-----BEGIN (?:[A-Z]+ )*PRIVATE KEY(?: BLOCK)?-----|^LS0tLS1CRUdJTiB(?!DRVJUS|QVUJMS)/,
  // A URL with a password. If the password is a variable, such as `${DB_PASSWORD}`, it does not
  // count. The user of a mail server may contain an `@`.
  /(?<![\w+.-])[A-Za-z][A-Za-z0-9+.-]*:\/\/[^/?#\s:]*:(?!\$(?:[A-Z_][A-Z0-9_]*|\{\w+\})@)[^/?#@\s]+@/,
  /https:\/\/(?:hooks\.slack\.com\/services|discord(?:app)?\.com\/api\/webhooks)\/\w/,
  /(?:^|[?&;\s])(?:[Pp]assword|[Pp]wd|AccountKey|SharedAccessKey)=(?!\$(?:[A-Z_][A-Z0-9_]*|\{\w+\}))[^&;\s]/,
  // A key or a token in a header, as in `api-key=…` and `Authorization: Bearer …`.
  /(?:^|[?&;,\s])(?:[\w-]*(?:api[-_]?key|(?:access|auth)[-_]?token)|authorization)\s*[=:]\s*(?!\$(?:[A-Z_][A-Z0-9_]*|\{\w+\}))[^&;,\s*]/i,
];

const plainValues = [
  /^(?:true|false|yes|no|on|off|none|null)?$/i,
  // A variable, or a path to a file.
  /^\$(?:[A-Z_][A-Z0-9_]*|\{\w+\})$/,
  /^(?:\.{0,2}|~)\/\S*\.[a-z]{2,4}$/,
  // Public keys and certificates: of Stripe, Mapbox, age and SSH, and in PEM, PEM as Base64, and
  // DER.
  /^pk_(?:live|test)_|^pk\.eyJ|^age1[0-9a-z]+$|^(?:\S+ )?AAAA(?:B3NzaC1|C3NzaC1|E2VjZHNh)/,
  /^-----BEGIN (?:CERTIFICATE|(?:[A-Z]+ )*PUBLIC KEY(?: BLOCK)?)-----/,
  /^LS0tLS1CRUdJTiB(?:DRVJUS|QVUJMS)|^MII[BC][Io]jANBgkq|^M(?:FkwEw|HYwEA)YHKoZI|^MCowBQYDK2Vw/,
  // A digest of a file, as in pages and lockfiles.
  /^sha\d{3}-/,
];

/** Whether the name's prefix says that everybody may read the value. */
export const isPublicName = (key: string): boolean => publicPrefix.test(key);

/**
 * Whether a key looks like a secret, by its name or by its value. A name with a public prefix never
 * does.
 */
export const looksSecret = (key: string, value: string): boolean => {
  if (isPublicName(key)) return false;
  if (secretValues.some((sign) => sign.test(value))) return true;
  const words = wordsOf(key);
  if (plainName.test(words) || plainValues.some((sign) => sign.test(value))) return false;
  return secretName.test(words) || isRandom(value);
};

/**
 * Whether a person should look at a key that stays in plain text: it looks like a secret, or its
 * name has a word that names of secrets have, and its value is neither a switch nor a number.
 */
export const looksDoubtful = (key: string, value: string): boolean => {
  if (looksSecret(key, value)) return true;
  const words = wordsOf(key);
  return (
    !isPublicName(key) &&
    doubtfulName.test(words) &&
    !plainName.test(words) &&
    !plainValues.some((sign) => sign.test(value)) &&
    !/^\d+(?:\.\d+)?[a-z]{0,2}$/i.test(value)
  );
};

/** The words of a name in upper case, without a suffix that says nothing. */
const wordsOf = (key: string): string =>
  key
    .replace(/([a-z0-9])(?=[A-Z])/g, '$1_')
    .toUpperCase()
    .replace(suffixes, '');

const isRandom = (value: string): boolean =>
  /^(?:base64:)?(?=.*[a-z])(?=.*[A-Z])(?=.*\d)[\w+/-]{32,}={0,2}$/.test(value) &&
  !/[a-z]{8}|[A-Z]{8}/.test(value) &&
  bitsPerCharacter(value) >= 4;

const bitsPerCharacter = (text: string): number => {
  const counts = new Map<string, number>();
  for (const character of text) counts.set(character, (counts.get(character) ?? 0) + 1);
  const shares = [...counts.values()].map((count) => count / text.length);
  return shares.reduce((bits, share) => bits - share * Math.log2(share), 0);
};
