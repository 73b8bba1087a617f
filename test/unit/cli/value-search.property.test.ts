import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { filesIn, objectsIn } from '../../../cli/scan/contents.ts';
import { findIn } from '../../../cli/scan/findings.ts';
import { hiddenText, isShort, type KnownValue, searchFor } from '../../../cli/scan/value-search.ts';

const known = (name: string, value: string | Buffer): KnownValue => ({
  ...{ name, versions: [1], state: 'current', value: Buffer.from(value) },
});
const formsIn = (value: string, text: string): string[] =>
  searchFor([known('A', value)])(Buffer.from(text)).map(({ needle }) => needle.form);

/** Texts with few different letters, so that they overlap and share prefixes. */
const letters = (minLength: number, maxLength: number) =>
  fc.string({ unit: fc.constantFrom('a', 'b', '\n', 'é', '.'), minLength, maxLength });

describe('the search for values', () => {
  it('finds each plain value wherever it is, even if values overlap or contain one another', () => {
    fc.assert(
      fc.property(fc.array(letters(8, 12), { maxLength: 6 }), letters(0, 200), (values, text) => {
        const long = values.filter((value) => !/[\r\n]$/.test(value));
        const bytes = Buffer.from(`${text}${long.join('')}${text}`);
        const search = searchFor(long.map((value) => known(value, value)));
        const found = search(bytes)
          .filter(({ needle }) => needle.form === 'plain')
          .map(({ needle, start }) => `${start} ${needle.bytes}`);
        const expected = [...new Set(long)].flatMap((value) => {
          const at: string[] = [];
          for (let from = bytes.indexOf(value); from >= 0; from = bytes.indexOf(value, from + 1)) {
            at.push(`${from} ${value}`);
          }
          return at;
        });
        expect(found.sort()).toEqual(expected.sort());
      }),
      { numRuns: 500 },
    );
  });

  it('finds a value in base64 and base64url, whatever surrounds it', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 8, maxLength: 40 }),
        fc.uint8Array({ maxLength: 8 }),
        fc.uint8Array({ maxLength: 8 }),
        (value, before, after) => {
          const search = searchFor([
            known('A', Buffer.concat([Buffer.from(value), Buffer.from('.')])),
          ]);
          const whole = Buffer.concat([before, value, Buffer.from('.'), after]);
          for (const encoding of ['base64', 'base64url'] as const) {
            const forms = search(Buffer.from(`: ${whole.toString(encoding)}\n`));
            expect(forms.map(({ needle }) => needle.form)).toContain('base64');
          }
        },
      ),
    );
  });

  it.each([
    ['JavaScript', '"p\\u0000\\"<é/😀\\n"'],
    ['Python', '"p\\u0000\\"<\\u00e9/\\ud83d\\ude00\\n"'],
    ['PHP', '"p\\u0000\\"<\\u00e9\\/\\ud83d\\ude00\\n"'],
    ['Go', '"p\\u0000\\"\\u003cé/😀\\n"'],
  ])('finds a value in JSON as %s writes it', (_, json) => {
    expect(formsIn('p\0"<é/😀\nend', json.replace(/"$/, 'end"'))).toEqual(['json']);
  });

  it('finds a value even without its trailing line ends, but no value of less than 8 bytes', () => {
    expect(formsIn('eightbyt\r\n', 'x=eightbyt')).toEqual(['plain']);
    expect(formsIn('seven77\n', 'x=seven77\n')).toEqual([]);
    expect([isShort(Buffer.from('seven77\n')), isShort(Buffer.from('eightbyt'))]).toEqual([
      true,
      false,
    ]);
  });

  it('tells values apart that begin alike, and does not take a beginning for a value', () => {
    const begin = '-----BEGIN PRIVATE KEY-----\n'.repeat(30);
    const values = Array.from({ length: 300 }, (_, index) =>
      known(`K${index}`, `${begin}${index}-`),
    );
    const found = searchFor(values)(Buffer.from(`${begin}7-${begin}${begin}299-`));
    expect(found.map(({ needle }) => needle.of[0]?.name)).toEqual(['K7', 'K299']);
  });

  it('lists the values it finds by where they begin, not by where they end', () => {
    const search = searchFor([known('A', 'aaaaaaaaaaaaabcdefgh'), known('B', 'aaaaabcd')]);
    const hits = search(Buffer.from('aaaaaaaaaaaaabcdefgh'));
    expect(hits.map(({ start }) => start)).toEqual([0, 8]);
  });

  it.each([
    ['indented', '  -----BEGIN KEY-----\n  c4n4ry-old\n  c4n4ry-key\n  end\n', ['line']],
    ['with CRLF', '-----BEGIN KEY-----\r\nc4n4ry-old\r\nc4n4ry-key\r\nend\r\n', ['line']],
    ['another key', '-----BEGIN KEY-----\nc4n4ry-old\nc4n4ry-another\nend\n', []],
  ])('searches for the last of the longest lines of a key (%s)', (_, text, forms) => {
    const key = '-----BEGIN KEY-----\nc4n4ry-old\nc4n4ry-key\nend\n';
    expect(formsIn(key, text)).toEqual(forms);
  });

  it('names every secret that has the value', () => {
    const search = searchFor([known('A', 'c4n4ry-same'), known('B', 'c4n4ry-same')]);
    expect(search(Buffer.from('c4n4ry-same'))[0]?.needle.of.map(({ name }) => name)).toEqual([
      'A',
      'B',
    ]);
  });
});

describe('the report of a scan', () => {
  const search = searchFor([known('A', 'c4n4ry-one'), known('B', 'one\nc4n4ry-two')]);
  const find = (path: string, text: string) =>
    findIn(search, [], { path, bytes: Buffer.from(text) }).findings.map(
      (finding) => `${finding.path}:${finding.line} ${finding.name}`,
    );

  it('names the line in which each value begins, once for each line', () => {
    const text = 'c4n4ry-one c4n4ry-one\n\nx c4n4ry-one\nc4n4ry-two\nc4n4ry-one';
    expect(find('f', text)).toEqual(['f:1 A', 'f:3 A', 'f:3 B', 'f:5 A']);
  });

  it('does not report the longest line of a value again where it found the whole value', () => {
    expect(find('f', 'one\nc4n4ry-two\n')).toEqual(['f:1 B']);
    expect(find('f', 'one\nc4n4ry-two\n  c4n4ry-two\n')).toEqual(['f:1 B', 'f:3 B']);
    const leading = searchFor([known('A', 'c4n4ry-one\nend')]);
    const formsAt = (text: string) =>
      findIn(leading, [], { bytes: Buffer.from(text) }).findings.map(({ form }) => form);
    expect(formsAt('c4n4ry-one\nend')).toEqual(['plain']);
    expect(formsAt('{"a": "c4n4ry-one\\nend"}')).toEqual(['json']);
    expect(formsAt('{"a": "c4n4ry-one\\nend"}\nc4n4ry-one')).toEqual(['json', 'line']);
  });

  it('shows [redacted] for a value in a path that is too short to be searched for', () => {
    const hidden = ['seven77\n', 'pin4', 'abc', 'c4n4ry-one'].map((value) => Buffer.from(value));
    const texts = hidden.flatMap(hiddenText);
    const pathOf = (path: string) => findIn(search, texts, { path, bytes: 'binary' }).place.path;
    expect(['a/seven77/b', 'pin4/x/pin4/y', 'abc/x'].map(pathOf)).toEqual([
      ...['a/[redacted]/b', '[redacted]/y', 'abc/x'],
    ]);
    expect(findIn(search, texts, { path: 'pin4', bytes: 'binary' }).findings).toEqual([]);
  });

  it('shows [redacted] for a value in the path of a file', () => {
    expect(find('a/c4n4ry-one/c4n4ry-one/b', '')).toEqual(['a/[redacted]/b:null A']);
    const { place } = findIn(search, [], { path: 'c4n4ry-one', bytes: 'binary' });
    expect(place).toEqual({ path: '[redacted]' });
  });
});

describe('the files of a scan', () => {
  it('include one that cannot be read, so that a report can name it', () => {
    const [content, ...more] = filesIn('/proc/self/mem');
    expect([content, more]).toEqual([{ path: '/proc/self/mem', bytes: 'unreadable' }, []]);
  });
});

describe('the objects in the output of git cat-file', () => {
  it('do not depend on how the output is cut into chunks', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.option(fc.string({ unit: fc.constantFrom('a', '\n', ' 3\n') })), {
          maxLength: 5,
        }),
        fc.array(fc.nat(200), { maxLength: 8 }),
        async (objects, cuts) => {
          const id = 'a'.repeat(40);
          const output = objects.map((text) =>
            text === null ? `${id} missing\n` : `${id} blob ${text.length}\n${text}\n`,
          );
          const bytes = Buffer.from(output.join(''));
          const places = [...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length];
          places.sort((a, b) => a - b);
          const chunks = async function* () {
            yield* places.map((place, at) => bytes.subarray(places[at - 1] ?? 0, place));
          };
          const found: string[] = [];
          for await (const object of objectsIn(chunks())) found.push(object.toString());
          expect(found).toEqual(objects.map((text) => text ?? ''));
        },
      ),
      { numRuns: 500 },
    );
  });
});
