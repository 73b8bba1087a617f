import { describe, expect, it } from '@jest/globals';
import { boolean, check, number, optional, pipe, strictObject, string, unknown } from 'valibot';
import { parseJson, stringMap } from '../../../functions/http/bodies.ts';
import { refusalOf } from '../../support/refusals.ts';

const schema = strictObject({
  name: string(),
  value: optional(string()),
  values: optional(stringMap),
  dryRun: optional(boolean()),
  any: optional(unknown()),
});

const refusedField = async (text: string): Promise<string> => {
  const { code, members } = await refusalOf(() => parseJson(text, schema));
  return `${code} ${members.field}`;
};

describe('parseJson, given a valid body,', () => {
  it.each<[string, string, object]>([
    ['with properties in any order', '{"value":"v","name":"n"}', { name: 'n', value: 'v' }],
    ['with blanks of all four kinds', ' \t\r\n{ "name"\n:\t"n" }\r\n', { name: 'n' }],
    [
      'with escapes',
      '{"\\u006eame":"\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9"}',
      { name: '"\\/\b\f\n\r\té' },
    ],
    ['with whole surrogate pairs, escaped', '{"name":"\\ud83d\\udd11"}', { name: '🔑' }],
    ['with a NUL, escaped', '{"name":"a\\u0000b"}', { name: 'a\u0000b' }],
    ['with a BOM inside a string', '{"name":"\uFEFFn"}', { name: '\uFEFFn' }],
    ['with the largest numbers', '{"name":"n","any":1e308}', { name: 'n', any: 1e308 }],
    ['with null', '{"name":"n","any":null}', { name: 'n', any: null }],
    [
      'with the same property in two objects',
      '{"name":"n","any":[{"name":1},{"name":2}]}',
      { name: 'n', any: [{ name: 1 }, { name: 2 }] },
    ],
    ['eight levels deep', '{"name":"n","any":[[[[[[[]]]]]]]}', { name: 'n', any: [[[[[[[]]]]]]] }],
    ['wide, not deep', '{"name":"n","any":[[],[],[],[],[],[],[],[],[],[]]}', { name: 'n' }],
    ['wide in objects', '{"name":"n","any":[{},{},{},{},{},{},{},{},{},{}]}', { name: 'n' }],
  ])('accepts one %s', (_, text, expected) => {
    expect(parseJson(text, schema)).toMatchObject(expected);
  });

  it.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty'])(
    'accepts a map with an entry named %s',
    (name) => {
      const { values } = parseJson(`{"name":"n","values":{"${name}":"x"}}`, schema);
      expect(Object.entries(values ?? {})).toEqual([[name, 'x']]);
    },
  );
});

describe('parseJson, given an invalid body,', () => {
  it.each([
    ['empty', ''],
    ['blank', ' \n'],
    ['a list', '[]'],
    ['a list of valid objects', '[{"name":"n"}]'],
    ['null', 'null'],
    ['a text', '"name"'],
    ['a number', '1'],
    ['two objects', '{"name":"n"}{"name":"n"}'],
    ['followed by text', '{"name":"n"} x'],
    ['cut off', '{"name":"n"'],
    ['cut off in a string', '{"name":"n'],
    ['with a trailing comma', '{"name":"n",}'],
    ['with a trailing comma in a list', '{"name":"n","any":[1,]}'],
    ['with a comma too many', '{"name":"n",,"value":"v"}'],
    ['without a comma', '{"name":"n" "value":"v"}'],
    ['without a colon', '{"name" "n"}'],
    ['without a value', '{"name":}'],
    ['with a block comment', '{"name":"n"/* c */}'],
    ['with a line comment', '{"name":"n"} // c'],
    ['with single quotes', "{'name':'n'}"],
    ['with a property name without quotes', '{name:"n"}'],
    ['with NaN', '{"name":"n","any":NaN}'],
    ['with Infinity', '{"name":"n","any":-Infinity}'],
    ['with undefined', '{"name":"n","any":undefined}'],
    ['with a number that begins with 0', '{"name":"n","any":01}'],
    ['with a number that begins with +', '{"name":"n","any":+1}'],
    ['with a number that ends in a point', '{"name":"n","any":1.}'],
    ['with a number without digits', '{"name":"n","any":-}'],
    ['with an exponent without digits', '{"name":"n","any":1e}'],
    ['with an invalid escape', '{"name":"\\x41"}'],
    ['with an escape cut off', '{"name":"\\u00e"}'],
    ['with a raw line break in a string', '{"name":"a\nb"}'],
    ['with a raw NUL in a string', '{"name":"a\u0000b"}'],
    ['with a NUL behind', '{"name":"n"}\u0000'],
    ['with a blank of Unicode', '{\u00a0"name":"n"}'],
    ['with a BOM before', '\uFEFF{"name":"n"}'],
    ['with a BOM behind', '{"name":"n"}\uFEFF'],
    ['with a property twice', '{"name":"n","name":"n"}'],
    ['with a property twice, once escaped', '{"name":"n","\\u006e\\u0061me":"m"}'],
    ['with a nested property twice', '{"name":"n","any":{"a":1,"b":{},"a":2}}'],
    ['with a property twice in an object in a list', '{"name":"n","any":[{"a":1,"a":1}]}'],
    ['with __proto__ twice', '{"name":"n","values":{"__proto__":"a","__proto__":"b"}}'],
    ['with half of a pair in a value', '{"name":"\\ud83d"}'],
    ['with half of a pair, the later half', '{"name":"\\udd11"}'],
    ['with a pair the wrong way round', '{"name":"\\udd11\\ud83d"}'],
    ['with half of a pair in a property name', '{"name":"n","values":{"\\ud83d":"x"}}'],
    ['with half of a pair deep inside', '{"name":"n","any":[[{"a":["\\ud83d"]}]]}'],
    ['with half of a pair, not escaped', '{"name":"\ud83d"}'],
    ['nine levels deep', '{"name":"n","any":[[[[[[[[]]]]]]]]}'],
    ['nine objects deep', `{"name":"n","any":${'{"a":'.repeat(8)}1${'}'.repeat(9)}`],
    ['a hundred thousand levels deep', `{"name":"n","any":${'['.repeat(100_000)}`],
    ['with an unknown property', '{"name":"n","other":1}'],
    ['with the property __proto__', '{"name":"n","__proto__":{"value":"v"}}'],
    ['with the property constructor', '{"name":"n","constructor":{}}'],
    ['with a property name in another case', '{"name":"n","Value":"v"}'],
  ])('rejects it: %s', async (_, text) => {
    expect(await refusedField(text)).toBe('invalid_request body');
  });

  it.each([
    ['missing', '{}', 'name'],
    ['a number', '{"name":1}', 'name'],
    ['null', '{"name":null}', 'name'],
    ['a list', '{"name":["n"]}', 'name'],
    ['null instead of absent', '{"name":"n","value":null}', 'value'],
    ['text where a boolean belongs', '{"name":"n","dryRun":"true"}', 'dryRun'],
    ['a list where a map belongs', '{"name":"n","values":["x"]}', 'values'],
    ['null where a map belongs', '{"name":"n","values":null}', 'values'],
    ['a map of more than strings', '{"name":"n","values":{"A":"x","B":1}}', 'values'],
  ])('names the property that is %s', async (_, text, field) => {
    expect(await refusedField(text)).toBe(`invalid_request ${field}`);
  });

  it('says that the body begins with a BOM', async () => {
    const { message } = await refusalOf(() => parseJson('\uFEFF{"name":"n"}', schema));
    expect(message).toBe('JSON must not begin with a BOM');
  });

  it('names the outermost property for a fault inside it', async () => {
    const nested = strictObject({ outer: strictObject({ inner: number() }) });
    const { members } = await refusalOf(() => parseJson('{"outer":{"inner":"x"}}', nested));
    expect(members.field).toBe('outer');
  });

  it('passes on the messages of our own checks only', async () => {
    const checked = strictObject({
      a: pipe(
        string(),
        check((text) => text === 'b', 'must be b'),
      ),
    });
    expect((await refusalOf(() => parseJson('{"a":"x"}', checked))).message).toBe('must be b');
    expect((await refusalOf(() => parseJson('{"a":1}', checked))).message).toBe(
      'is missing or not of its type',
    );
  });
});
