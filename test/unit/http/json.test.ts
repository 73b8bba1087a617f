import { describe, expect, it } from '@jest/globals';
import { boolean, check, number, optional, pipe, strictObject, string, unknown } from 'valibot';
import { parseJson, stringMap } from '../../../functions/http/bodies.ts';
import { fieldOf, refusalOf } from '../../support/refusals.ts';

const schema = strictObject({
  name: string(),
  value: optional(string()),
  values: optional(stringMap),
  dryRun: optional(boolean()),
  any: optional(unknown()),
});
const refusedField = (text: string) => fieldOf(() => parseJson(text, schema));
/** A body whose property `any` holds the given text unchanged. */
const withAny = (any: string) => `{"name":"n","any":${any}}`;

describe('parseJson, for a valid body,', () => {
  it.each<[string, object]>([
    ['{"value":"v","name":"n"}', { name: 'n', value: 'v' }],
    [' \t\r\n{ "name"\n:\t"n" }\r\n', { name: 'n' }],
    ['{"\\u006eame":"\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9"}', { name: '"\\/\b\f\n\r\té' }],
    ['{"name":"\\ud83d\\udd11"}', { name: '🔑' }],
    ['{"name":"a\\u0000b"}', { name: 'a\u0000b' }],
    ['{"name":"\uFEFFn"}', { name: '\uFEFFn' }],
    [withAny('1e308'), { any: 1e308 }],
    [withAny('[10.50e-1, 1.0, 1E0, 0.1, 0.0, 120]'), { any: [1.05, 1, 1, 0.1, 0, 120] }],
    [withAny('[9007199254740992, 1e21, -1e-7]'), { any: [9007199254740992, 1e21, -1e-7] }],
    [withAny('null'), { any: null }],
    [withAny('[{"name":1},{"name":2}]'), { any: [{ name: 1 }, { name: 2 }] }],
    // Seven levels inside the body make eight in all. Many items on one level are not deep.
    [withAny('[[[[[[[]]]]]]]'), { any: [[[[[[[]]]]]]] }],
    [withAny('[[],[],[],[],[],[],[],[],[],[]]'), { name: 'n' }],
    [withAny('[{},{},{},{},{},{},{},{},{},{}]'), { name: 'n' }],
  ])('reads %j exactly', (text, expected) => {
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

describe('parseJson, for an invalid body,', () => {
  it.each([
    // Bodies that are not exactly one object.
    ...['', ' \n', '[]', '[{"name":"n"}]', 'null', '"name"', '1', '{"name":"n"}{"name":"n"}'],
    // Bodies that are cut off, or followed by something.
    ...['{"name":"n"', '{"name":"n', '{"name":"n"} x', '{"name":"n"}\u0000', '{"name":"n"}\uFEFF'],
    // Wrong punctuation, or a dialect of JSON.
    ...['{"name":"n",}', withAny('[1,]'), '{"name":"n",,"value":"v"}', '{"name":"n" "value":"v"}'],
    ...['{"name" "n"}', '{"name":}', '{"name":"n"/* c */}', '{"name":"n"} // c', "{'name':'n'}"],
    ...['{name:"n"}', '{\u00a0"name":"n"}', '\uFEFF{"name":"n"}'],
    // Invalid numbers, literals and escapes.
    ...['NaN', '-Infinity', 'undefined', '01', '+1', '1.', '-', '1e'].map(withAny),
    ...['{"name":"\\x41"}', '{"name":"\\u00e"}', '{"name":"a\nb"}', '{"name":"a\u0000b"}'],
    // A number that would lose digits.
    ...['1.0000000000000001', '9007199254740993', '0.30000000000000001', '1e400', '1e-400'].map(
      withAny,
    ),
    // A duplicate property.
    ...['{"name":"n","name":"n"}', '{"name":"n","\\u006e\\u0061me":"m"}'],
    ...[withAny('{"a":1,"b":{},"a":2}'), withAny('[{"a":1,"a":1}]')],
    '{"name":"n","values":{"__proto__":"a","__proto__":"b"}}',
    // Half of a surrogate pair.
    ...[
      '{"name":"\\ud83d"}',
      '{"name":"\\udd11"}',
      '{"name":"\\udd11\\ud83d"}',
      '{"name":"\ud83d"}',
    ],
    ...['{"name":"n","values":{"\\ud83d":"x"}}', withAny('[[{"a":["\\ud83d"]}]]')],
    // Nested too deeply.
    ...['[[[[[[[[]]]]]]]]', `${'{"a":'.repeat(8)}1${'}'.repeat(8)}`].map(withAny),
    // An unknown property.
    ...['{"name":"n","other":1}', '{"name":"n","__proto__":{"value":"v"}}'],
    ...['{"name":"n","constructor":{}}', '{"name":"n","Value":"v"}'],
  ])('rejects %j', async (text) => {
    expect(await refusedField(text)).toBe('invalid_request body');
  });

  it('lists the known properties when it rejects an unknown one', () => {
    const parse = () => parseJson('{"name":"n","other":1}', schema);
    expect(parse).toThrow(/^the body has an unknown property; this route takes name, /);
  });

  it('rejects brackets nested a hundred thousand levels deep', async () => {
    expect(await refusedField(withAny('['.repeat(100_000)))).toBe('invalid_request body');
  });

  it.each([
    ['{}', 'name'],
    ['{"name":1}', 'name'],
    ['{"name":null}', 'name'],
    ['{"name":["n"]}', 'name'],
    ['{"name":"n","value":null}', 'value'],
    ['{"name":"n","dryRun":"true"}', 'dryRun'],
    ['{"name":"n","values":["x"]}', 'values'],
    ['{"name":"n","values":null}', 'values'],
    ['{"name":"n","values":{"A":"x","B":1}}', 'values'],
  ])('rejects %s and names the property %s', async (text, field) => {
    expect(await refusedField(text)).toBe(`invalid_request ${field}`);
  });

  it.each([
    ['{"name": n}', 'line 1, column 10'],
    ['{"name": "n",\n  "value": "v",\n}', 'line 3, column 1'],
    ['', 'line 1, column 1'],
  ])('says where %j is not JSON, and what the route takes', async (text, place) => {
    const { message } = await refusalOf(() => parseJson(text, schema));
    expect(message).toBe(
      `the body is not valid JSON at ${place}; this route takes name, value, values, dryRun, any`,
    );
  });

  it('says that JSON must not begin with a BOM', async () => {
    const { message } = await refusalOf(() => parseJson('\uFEFF{"name":"n"}', schema));
    expect(message).toBe('the body must not begin with a byte order mark');
  });

  it('names the outermost property if the fault is inside it', async () => {
    const nested = strictObject({ outer: strictObject({ inner: number() }) });
    const { properties } = await refusalOf(() => parseJson('{"outer":{"inner":"x"}}', nested));
    expect(properties.field).toBe('outer');
  });

  it('shows the messages of our own checks, but not those of the validation library', async () => {
    const isB = check<string, string>((text) => text === 'b', 'must be b');
    const checked = strictObject({ a: pipe(string(), isB) });
    const messageFor = async (text: string) =>
      (await refusalOf(() => parseJson(text, checked))).message;
    expect(await messageFor('{"a":"x"}')).toBe('a must be b');
    expect(await messageFor('{"a":1}')).toBe('a is missing or has the wrong type');
  });
});
