import { describe, expect, it } from '@jest/globals';
import type { HttpRequest, PathParameters } from '../../../functions/http/messages.ts';
import {
  bodyOf,
  headerValue,
  headerValues,
  mediaType,
  pathName,
  queryOf,
  referenceTo,
  requireMediaType,
} from '../../../functions/http/requests.ts';
import { requestOf, requestWith } from '../../support/events.ts';
import { codeOf, fieldOf, refusalOf } from '../../support/refusals.ts';

const textOf = (request: HttpRequest): string => {
  const headers = { 'content-type': ['text/plain'] };
  return bodyOf({ ...request, headers }, ['text/plain']).text;
};

describe('a header', () => {
  it.each(['If-Match', 'if-match', 'IF-MATCH', 'iF-mAtCh'])(
    'is found under the name %s',
    (name) => {
      expect(headerValues(requestOf({ headers: { [name]: '"1"' } }), 'if-match')).toEqual(['"1"']);
      expect(headerValues(requestWith({ [name]: '"1"' }), 'if-match')).toEqual(['"1"']);
    },
  );

  it('counts as absent if the host sends only other headers or none', () => {
    expect(headerValues(requestOf(), 'if-match')).toEqual([]);
    const bare = requestOf({ headers: {}, multiValueHeaders: {} });
    expect(headerValue(bare, 'constructor')).toBeUndefined();
    const none = { headers: null, multiValueHeaders: null } as unknown as object;
    expect(headerValue(requestOf(none), 'if-match')).toBeUndefined();
  });

  it('has one value if the host passes it both as a single value and in a list', () => {
    const event = requestOf({ headers: { 'X-A': '1' }, multiValueHeaders: { 'X-A': ['1'] } });
    expect(headerValue(event, 'x-a')).toBe('1');
  });

  it('has one value per occurrence, in upper or lower case, and is rejected where only one value is allowed', async () => {
    const listed = requestOf({
      headers: { 'X-A': '2' },
      multiValueHeaders: { 'X-A': ['1', '2'], 'x-a': ['3'] },
    });
    expect(headerValues(listed, 'x-a')).toEqual(['1', '2', '3']);
    expect(await fieldOf(() => headerValue(listed, 'x-a'))).toBe('invalid_request x-a');
    const single = requestOf({ headers: { 'X-A': '1', 'x-a': '2' } });
    expect(headerValues(single, 'x-a')).toEqual(['1', '2']);
    expect(await fieldOf(() => headerValue(single, 'x-a'))).toBe('invalid_request x-a');
  });

  it('is read from headers if multiValueHeaders lacks it', () => {
    const event = requestOf({ headers: { 'X-A': '1' }, multiValueHeaders: { 'X-B': ['2'] } });
    expect(headerValues(event, 'x-a')).toEqual(['1']);
  });
});

describe('the query of a request', () => {
  const read = (
    multiValueQueryStringParameters: Record<string, string[]> | null,
    queryStringParameters: Record<string, string> | null = null,
  ) => {
    const sent = requestOf({ multiValueQueryStringParameters, queryStringParameters });
    return [...queryOf(sent, ['at', 'v'])].map((entry) => entry.join('='));
  };

  it('holds each parameter once, whichever form the host uses', () => {
    expect(read(null)).toEqual([]);
    expect(read({ at: ['1'], v: [''] })).toEqual(['at=1', 'v=']);
    expect(read(null, { at: '1' })).toEqual(['at=1']);
    expect(read({ at: ['1'] }, { at: '1' })).toEqual(['at=1']);
  });

  it('is rejected with the name of a repeated parameter', async () => {
    expect(await fieldOf(() => read({ at: ['1', '1'] }, { at: '1' }))).toBe('invalid_request at');
  });

  it.each(['other', 'At', '', '__proto__', 'constructor', 'v '])(
    'is rejected for the unknown parameter %j without quoting it',
    async (name) => {
      const parameters = Object.fromEntries([[name, ['x']]]);
      const refused = await refusalOf(() => read(parameters));
      expect(refused.properties.field).toBe('query');
      expect(refused.message).toBe('unknown query parameter; this route takes at, v');
    },
  );

  it('is rejected on a route that takes no parameters, with a message that says so', async () => {
    const event = requestOf({ queryStringParameters: { at: '1' } });
    expect((await refusalOf(() => queryOf(event, []))).message).toBe(
      'this route takes no query parameters',
    );
  });
});

describe('the name in the path', () => {
  it('reaches the operation unchanged', () => {
    expect(pathName({ parameters: { name: 'DB_PASSWORD' } })).toBe('DB_PASSWORD');
  });

  it.each([undefined, '', '..', 'A%2Fversions', 'A/versions', '%41', 'A ', 'A'.repeat(129), '0'])(
    'is rejected without being decoded if it is %j',
    async (name) => {
      const parameters: PathParameters = name === undefined ? {} : { name };
      expect(await fieldOf(() => pathName({ parameters }))).toBe('invalid_request name');
    },
  );
});

describe('the body of a request', () => {
  it('may be sent as text, as base64 or not at all', () => {
    expect(textOf(requestOf({ body: 'né' }))).toBe('né');
    expect(textOf(requestOf({ body: 'bsOp', isBase64Encoded: true }))).toBe('né');
    expect(textOf(requestOf({ body: null }))).toBe('');
    expect(textOf(requestOf({ body: null, isBase64Encoded: true }))).toBe('');
  });

  it('keeps a BOM and all other characters', () => {
    const text = '\uFEFFa\r\n\u0000\u2028';
    const body = Buffer.from(text).toString('base64');
    expect(textOf(requestOf({ body, isBase64Encoded: true }))).toBe(text);
  });

  it.each([
    ['a byte that never occurs in UTF-8', [0xff]],
    ['a character cut off', [0xc3]],
    ['a character in more bytes than needed', [0xc0, 0xaf]],
    ['half of a surrogate pair', [0xed, 0xa0, 0x80]],
    ['a code point beyond Unicode', [0xf4, 0x90, 0x80, 0x80]],
  ])('is rejected if it holds %s', async (_, content) => {
    const body = Buffer.from(content).toString('base64');
    const event = requestOf({ body, isBase64Encoded: true });
    expect(await fieldOf(() => textOf(event))).toBe('invalid_request body');
  });

  it('may have at most 1 MiB, counted in bytes, whether it is sent as text or as base64', async () => {
    const most = Buffer.alloc(1_048_576, 'a');
    const texts = [most.toString(), 'é'.repeat(524_288)];
    for (const body of texts)
      expect(Buffer.from(textOf(requestOf({ body })))).toHaveLength(1_048_576);
    const beyond = [
      { body: `${most}a` },
      { body: `${'é'.repeat(524_288)}a` },
      { body: Buffer.concat([most, most]).toString('base64'), isBase64Encoded: true },
    ];
    for (const parts of beyond) {
      const { code, properties } = await refusalOf(() => textOf(requestOf(parts)));
      expect([code, properties]).toEqual(['too_large', { limit: 1_048_576 }]);
    }
  });

  it('is rejected for its size before its UTF-8 is checked', async () => {
    const body = Buffer.alloc(1_048_577, 0xff).toString('base64');
    const event = requestOf({ body, isBase64Encoded: true });
    expect(await codeOf(() => textOf(event))).toBe('too_large');
  });
});

describe('the check of the media type', () => {
  it.each([
    ['application/json', 'application/json'],
    ['Application/JSON', 'application/json'],
    ['application/json; charset=utf-8', 'application/json'],
    ['application/json;charset="UTF-8"', 'application/json'],
    ['application/json ; charset=utf8', 'application/json'],
    ['text/plain; charset=iso-8859-1', undefined],
    ['application/json; charset=utf-16', undefined],
    ['application/json; version=2', undefined],
    ['application/json; charset=utf-8; profile=x', undefined],
  ])('reads %s as %s', (header, expected) => {
    expect(mediaType(requestWith({ 'CONTENT-type': header }))).toBe(expected);
  });

  it('returns the type that was sent if several are accepted', () => {
    const types = ['application/json', 'text/plain'];
    const event = requestWith({ 'content-type': 'Text/Plain' });
    expect(requireMediaType(event, types)).toBe('text/plain');
  });

  it('rejects another or a missing type and names the accepted types', async () => {
    const types = ['application/json', 'text/plain'];
    for (const event of [requestWith({ 'content-type': 'text/html' }), requestOf()]) {
      const { code, message } = await refusalOf(() => requireMediaType(event, types));
      expect(code).toBe('unsupported_media_type');
      expect(message).toBe(
        'the Content-Type must be application/json or text/plain, with no charset but UTF-8',
      );
    }
  });

  it('rejects a repeated Content-Type header', async () => {
    const types = ['text/plain', 'text/plain'];
    const event = requestOf({ multiValueHeaders: { 'content-type': types } });
    expect(await fieldOf(() => mediaType(event))).toBe('invalid_request content-type');
  });

  it('comes before the check of UTF-8', async () => {
    const headers = { 'content-type': 'text/html' };
    const event = requestOf({ body: '/w==', isBase64Encoded: true, headers });
    expect(await codeOf(() => bodyOf(event, ['text/plain']))).toBe('unsupported_media_type');
  });
});

describe('a Content-Encoding', () => {
  const coded = (...codings: string[]) => {
    const types = ['application/json'];
    const multiValueHeaders = { 'content-type': types, 'Content-ENCODING': codings };
    return bodyOf(requestOf({ body: '{}', multiValueHeaders }), types);
  };

  it.each([[['identity']], [['Identity']], [['']], [['identity, identity']], [['identity', '']]])(
    'leaves the body unchanged if it is %j',
    (codings) => {
      expect(coded(...codings)).toEqual({ text: '{}', type: 'application/json' });
    },
  );

  it.each([
    ...[['gzip'], ['GZIP'], ['deflate'], ['br'], ['zstd'], ['x-gzip'], ['identity, gzip']],
    ...[['identity', 'gzip'], ['identity;q=1']],
  ])('makes the body unsupported if it is %j', async (...codings) => {
    expect(await codeOf(() => coded(...codings))).toBe('unsupported_media_type');
  });
});

describe('the Location of a created secret', () => {
  const base = 'https://gateway.test/stage';

  it.each(['/v1/secrets', '/v1/secrets/'])(
    'resolves to the address of the secret, relative to a request to %s',
    (path) => {
      const reference = referenceTo('DB_PASSWORD', requestOf({ path }));
      expect(new URL(reference, base + path).href).toBe(`${base}/v1/secrets/DB_PASSWORD`);
    },
  );
});
