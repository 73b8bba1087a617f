/**
 * Parses the bodies of requests: strict JSON, and the secret values in it. A lenient parser would
 * silently change or drop some input; here that is an error. A body must be UTF-8 without a byte
 * order mark, without duplicate properties, lone surrogates, numbers that lose digits or deep
 * nesting, and must have exactly the expected shape. Errors name the field and never quote the
 * body, because it may contain secrets.
 */
import { visit } from 'jsonc-parser';
import {
  check,
  custom,
  type GenericSchema,
  getDotPath,
  type InferOutput,
  optional,
  picklist,
  pipe,
  safeParse,
  string,
} from 'valibot';
import { ApiError } from '../model/errors.ts';
import { limits } from '../model/limits.ts';
import {
  isNote,
  isSecretName,
  isVersionNumber,
  secretNameForm,
  tellsValue,
} from '../model/types.ts';
import { invalid } from './requests.ts';

/** Parses the JSON of a body and checks it against `schema`. Throws `invalid_request`. */
export const parseJson = <Schema extends GenericSchema>(
  text: string,
  schema: Schema,
): InferOutput<Schema> => {
  requireExact(text, propertiesOf(schema, 1));
  const parsed: unknown = JSON.parse(text);
  if (!isObject(parsed))
    throw invalid('body', `the body must be a JSON object${propertiesOf(schema, 1)}`);
  const result = safeParse(schema, parsed, { abortEarly: true });
  if (result.success) return result.output;
  const [issue] = result.issues;
  // An unknown property, or the key of a map, is the caller's own text, so the error does not name
  // it.
  const known = issue.type !== 'strict_object' || issue.expected !== 'never';
  const field = (known && getDotPath(issue)?.split('.')[0]) || 'body';
  throw invalid(
    field,
    known
      ? `${field} ${complaintOf(issue)}`
      : `the body has an unknown property${propertiesOf(schema, issue.path?.length)}`,
  );
};

/**
 * The end of a message about a malformed body or an unknown property: the properties that the body
 * may have. Empty if the unknown property is nested in another one (`depth` over 1).
 */
const propertiesOf = (schema: GenericSchema, depth: number | undefined): string =>
  depth === 1 && 'entries' in schema
    ? `; this route takes ${Object.keys(schema.entries as object).join(', ')}`
    : '';

/** What is wrong with a field, to follow its name in a sentence. */
const complaintOf = (issue: { readonly type: string; readonly message: string }): string =>
  ['check', 'custom', 'picklist'].includes(issue.type)
    ? issue.message
    : 'is missing or has the wrong type';

const isObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The schema of an object of strings. Its properties may have any name, even `__proto__`. */
export const stringMap = custom<Readonly<Record<string, string>>>(
  (value) => isObject(value) && Object.values(value).every((entry) => typeof entry === 'string'),
  'must be an object of strings',
);

/** The schema of an object of version numbers, whose properties may have any name. */
export const versionMap = custom<Readonly<Record<string, number>>>(
  (value) =>
    isObject(value) &&
    Object.values(value).every(
      (entry) => typeof entry === 'number' && isVersionNumber(String(entry)),
    ),
  'must be an object of version numbers',
);

/**
 * Throws if this text is not JSON, begins with a byte order mark, has a property twice, half of a
 * surrogate pair or a number that JavaScript would round, or is nested too deeply. `takes` ends the
 * message about text that is not JSON.
 */
const requireExact = (text: string, takes: string): void => {
  if (text.startsWith('\uFEFF'))
    throw invalid('body', 'the body must not begin with a byte order mark');
  const properties: Set<string>[] = [];
  let depth = 0;
  const enter = () => {
    depth += 1;
    if (depth <= limits.jsonDepthMax) return;
    throw invalid('body', `the body is nested more than ${limits.jsonDepthMax} levels deep`);
  };
  const requireText = (value: unknown) => {
    if (typeof value === 'string' && !value.isWellFormed()) {
      throw invalid('body', 'a string in the body has half of a surrogate pair');
    }
  };
  visit(
    text,
    {
      onObjectBegin: () => {
        enter();
        properties.push(new Set());
      },
      onObjectEnd: () => {
        depth -= 1;
        properties.pop();
      },
      onArrayBegin: enter,
      onArrayEnd: () => {
        depth -= 1;
      },
      onObjectProperty: (property) => {
        requireText(property);
        if (properties.at(-1)?.has(property)) {
          throw invalid('body', 'the body has the same property twice');
        }
        properties.at(-1)?.add(property);
      },
      onLiteralValue: (value, offset, length) => {
        requireText(value);
        if (typeof value !== 'number') return;
        if (digitsOf(String(value)) === digitsOf(text.slice(offset, offset + length))) return;
        throw invalid('body', 'a number in the body has more digits than the vault can keep');
      },
      onError: (_, __, ___, line, column) => {
        const place = `line ${line + 1}, column ${column + 1}`;
        throw invalid('body', `the body is not valid JSON at ${place}${takes}`);
      },
    },
    { disallowComments: true, allowTrailingComma: false },
  );
};

/** The digits of a number without its exponent and without zeros at either end. */
const digitsOf = (number: string): string =>
  (/^[^e]*?([1-9](?:[\d.]*[1-9])?)/i.exec(number)?.[1] ?? '').replace('.', '');

/** The schema of a note: a caller's remark on a version, which is not secret. */
export const noteProperty = optional(
  pipe(
    string(),
    check(
      isNote,
      `must be one line of 1 to ${limits.noteBytesMax} bytes, without control characters`,
    ),
  ),
);

/**
 * The schemas of the properties that send a value, with its note. A value is opaque bytes; JSON
 * carries them as UTF-8 text or base64.
 */
export const valueProperties = {
  note: noteProperty,
  value: string(),
  encoding: optional(picklist(['utf8', 'base64'], 'must be utf8 or base64')),
};

export const requireName = (name: string): void => {
  if (!isSecretName(name)) throw invalid('name', `the name must be ${secretNameForm}`);
};

/**
 * Returns the bytes of a value. Throws `too_large`, and `invalid_request` for malformed base64 or a
 * note that contains the value.
 */
export const decodeValue = (body: {
  readonly note?: string | undefined;
  readonly value: string;
  readonly encoding?: 'utf8' | 'base64' | undefined;
}): Uint8Array => {
  const bytes = Buffer.from(body.value, body.encoding ?? 'utf8');
  if (body.encoding === 'base64' && bytes.toString('base64') !== body.value) {
    throw invalid('value', 'the value is not valid base64 with padding (RFC 4648, section 4)');
  }
  if (bytes.length > limits.valueBytesMax) {
    const sentence = `the value is too large: a version holds ${limits.valueBytesMax} bytes at most, so split it`;
    throw new ApiError('too_large', sentence, {
      properties: { limit: limits.valueBytesMax },
    });
  }
  if (tellsValue(body.note, bytes))
    throw invalid('note', 'the note contains the value, but notes are not secret: leave it out');
  return bytes;
};
