import { expect, it } from '@jest/globals';
import { fileSentence } from '../../../system/file-sentences.ts';
import { resolved } from '../../support/openapi.ts';

const fileError = resolved({ $ref: '#/components/schemas/FileError' });
const codes = Object.keys(resolved(resolved(fileError['discriminator'])['mapping']));

it('each error code of the vault about an env file has its own message', () => {
  expect(codes).toContain('missing_equals');
  const sentences = codes.map((code) => fileSentence({ code }));
  expect(sentences.filter((sentence) => codes.includes(sentence))).toEqual([]);
  expect(new Set(sentences).size).toBe(codes.length);
});
