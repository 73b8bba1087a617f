/**
 * Bodies of requests: strict JSON, and the secret values in it. Text that a lenient parser would silently
 * alter or drop is an error here. A body must be UTF-8 without BOM, without duplicate properties, lone
 * surrogates or deep nesting, and of exactly the required shape. The errors name the field and quote nothing
 * of the body, because the body holds the secret.
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
import { VaultError } from '../model/errors.ts';
import { limits } from '../model/limits.ts';
import { isNote, isSecretName, isVersionNumber, tellsValue } from '../model/types.ts';
import { invalid } from './requests.ts';

/** The JSON of a body, checked against `schema`. Throws `invalid_request`. */
export const parseJson = <Schema extends GenericSchema>(
  text: string,
  schema: Schema,
): InferOutput<Schema> => {
  requireExact(text);
  const parsed: unknown = JSON.parse(text);
  if (!isObject(parsed)) throw invalid('body', 'must be a JSON object');
  const result = safeParse(schema, parsed, { abortEarly: true });
  if (result.success) return result.output;
  const [issue] = result.issues;
  // The path of an unknown property, or of an entry of a map, is the caller's own text.
  const known = issue.type !== 'strict_object' || issue.expected !== 'never';
  const field = (known && getDotPath(issue)?.split('.')[0]) || 'body';
  throw invalid(field, known ? sentenceOf(issue) : 'the body has an unknown property');
};

const sentenceOf = (issue: { readonly type: string; readonly message: string }): string =>
  issue.type === 'check' || issue.type === 'custom'
    ? issue.message
    : 'is missing or not of its type';

const isObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** An object of strings. Its properties may have any name, even `__proto__`. */
export const stringMap = custom<Readonly<Record<string, string>>>(
  (value) => isObject(value) && Object.values(value).every((entry) => typeof entry === 'string'),
  'must be an object of strings',
);

/** An object of version numbers, as `stringMap`. */
export const versionMap = custom<Readonly<Record<string, number>>>(
  (value) =>
    isObject(value) &&
    Object.values(value).every(
      (entry) => typeof entry === 'number' && isVersionNumber(String(entry)),
    ),
  'must be an object of version numbers',
);

/** Throws unless `JSON.parse` will read this text with nothing altered and nothing lost. */
const requireExact = (text: string): void => {
  if (text.startsWith('\uFEFF')) throw invalid('body', 'JSON must not begin with a BOM');
  const properties: Set<string>[] = [];
  let depth = 0;
  const enter = () => {
    depth += 1;
    if (depth > limits.jsonDepthMax) throw invalid('body', 'the JSON is nested too deeply');
  };
  const requireText = (value: unknown) => {
    if (typeof value === 'string' && !value.isWellFormed()) {
      throw invalid('body', 'a string holds half of a surrogate pair');
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
        if (properties.at(-1)?.has(property)) throw invalid('body', 'a property occurs twice');
        properties.at(-1)?.add(property);
      },
      onLiteralValue: requireText,
      onError: () => {
        throw invalid('body', 'is not JSON');
      },
    },
    { disallowComments: true, allowTrailingComma: false },
  );
};

/** A caller's remark on a version, which is not secret. */
export const noteProperty = optional(
  pipe(
    string(),
    check(
      isNote,
      `must be one line of 1 to ${limits.noteBytesMax} bytes, without control characters`,
    ),
  ),
);

/** The properties of a value, which is opaque bytes: in JSON they are UTF-8 text or base64. */
export const valueProperties = {
  note: noteProperty,
  value: string(),
  encoding: optional(picklist(['utf8', 'base64'])),
};

export const requireName = (name: string): void => {
  if (!isSecretName(name)) throw invalid('name', 'is no secret name');
};

/** The bytes of a value, which its note must not contain. Throws `invalid_request` or `too_large`. */
export const decodeValue = (body: {
  readonly note?: string | undefined;
  readonly value: string;
  readonly encoding?: 'utf8' | 'base64' | undefined;
}): Uint8Array => {
  const bytes = Buffer.from(body.value, body.encoding ?? 'utf8');
  if (body.encoding === 'base64' && bytes.toString('base64') !== body.value) {
    throw invalid('value', 'is not canonical base64 with padding (RFC 4648)');
  }
  if (bytes.length > limits.valueBytesMax) {
    throw new VaultError('too_large', 'the value is too large', {
      properties: { limit: limits.valueBytesMax },
    });
  }
  if (tellsValue(body.note, bytes)) throw invalid('note', 'contains the value');
  return bytes;
};
