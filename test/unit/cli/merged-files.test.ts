/** Merges `.env` files. e2e/cli/scripts/run.txt has what `dsvault run` says about their errors. */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { mergeFiles, ofMerged, placeIn } from '../../../cli/files/merged-files.ts';
import { parseFile } from '../../../functions/env/grammar.ts';
import { isFailure, refusal } from '../../../system/failures.ts';

const merge = (...texts: readonly string[]) =>
  mergeFiles(texts.map((text, index) => ({ file: `${index}.env`, text })));

const valuesIn = (text: string): [string, string][] =>
  parseFile(text).lines.flatMap((line): [string, string][] =>
    line.kind === 'assignment' ? [[line.key, line.value.decoded]] : [],
  );

describe('merging .env files', () => {
  it('keeps the last assignment to each key, and empties the lines of the earlier ones', () => {
    const merged = merge("# base\nA='x\ny' # c4n4ry\r\nB=1", '\ufeffexport A = 2\nC=3\n', 'C=4');
    expect(merged.content).toBe('# base\n\n\nB=1\nexport A = 2\n\nC=4');
  });

  it('sends a single file as it is, even with errors and a key that occurs twice', () => {
    const text = '\ufeffA=1\r\nA=2\nB';
    expect(merge(text).content).toBe(text);
  });

  it('reports syntax errors with the name of their file, before an open quote can swallow the next file', () => {
    const error = { line: 2, column: 3, code: 'unterminated_quote', key: 'C' };
    const report = expect.objectContaining({ errors: [error] });
    const refused = expect.objectContaining({ file: '1.env', report });
    expect(() => merge('A=1\n', 'B=2\nC="\n', 'D="\n')).toThrow(refused);
  });

  it('refuses what the reader would interpolate, by its file and line, if it is sent', () => {
    const texts = [
      { file: 'a.env', text: `A=1\nB="\${A}"\nC="$A"\n` },
      { file: 'b.env', text: `C=2\n# $A\nD='$A'\nE="$A secret(X)"\n` },
    ];
    const places = (how: Parameters<typeof mergeFiles>[1]) => {
      try {
        return mergeFiles(texts, how).content;
      } catch (error) {
        if (!isFailure(error)) throw error;
        return error.report.errors?.map(({ file, line, key, code }) => [file, line, key, code]);
      }
    };
    const plain = ['a.env', 2, 'B', 'interpolated'];
    const referring = ['b.env', 4, 'E', 'interpolated_reference'];
    expect(places({ interpolatedBy: 'shell' })).toEqual([plain, referring]);
    expect(places({ interpolatedBy: 'php' })).toEqual([plain]);
    expect(places({ interpolatedBy: 'shell', only: 'A,C,D' })).toBe(
      "A=1\n\n\nC=2\n# $A\nD='$A'\n\n",
    );
    expect(places({ interpolatedBy: 'shell', referencesOnly: true })).toEqual([referring]);
    expect(places({ referencesOnly: true })).toBe('\n\n\n\n# $A\n\nE="$A secret(X)"\n');
  });

  const line = fc.oneof(
    fc.constantFrom('', '# A=1', "D='1\n2'"),
    fc.tuple(fc.constantFrom('A', 'B', 'C'), fc.nat(9)).map(([key, value]) => `${key}=${value}`),
  );
  const file = fc.uniqueArray(line, { selector: (text) => text.split('=')[0], maxLength: 4 });

  it('takes each value from the last file that has the key, and remembers where each line comes from', () => {
    fc.assert(
      fc.property(fc.array(file, { minLength: 1, maxLength: 4 }), fc.boolean(), (files, ends) => {
        const texts = files.map((lines) => lines.join('\n') + (ends ? '\n' : ''));
        const merged = merge(...texts);
        expect(new Map(valuesIn(merged.content))).toEqual(new Map(texts.flatMap(valuesIn)));
        for (const [index, text] of merged.content.split('\n').entries()) {
          const place = placeIn(merged, index + 1);
          const own = (texts[Number.parseInt(place.file, 10)] ?? '').split('\n');
          if (text !== '') expect(own[place.line - 1]).toBe(text);
        }
      }),
    );
  });

  it.each([
    ['in its own file', 4, { file: '1.env', line: 3, causeLine: 2, causeFile: '1.env' }],
    ['in another file', 2, { file: '1.env', line: 3, causeLine: 2, causeFile: '0.env' }],
  ])('gives the file and line of an error, and of a cause %s', async (_, causeLine, place) => {
    const error = { line: 5, column: 3, code: 'not_representable', causeLine };
    const refuse = async () => {
      throw refusal({ code: 'invalid_env', detail: 'the file has errors', errors: [error] });
    };
    const placed = { report: { errors: [{ ...error, ...place }] } };
    const merged = merge('A=1\nB=2\n', '#\nC=3\nD=4\n');
    await expect(ofMerged(merged, refuse)).rejects.toMatchObject(placed);
  });
});
