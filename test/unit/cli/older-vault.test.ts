import { describe, expect, it } from '@jest/globals';
import { submitFile } from '../../../cli/files/file-failures.ts';
import type { Session } from '../../../cli/requests/vault-client.ts';
import { refusal, sentenceOf } from '../../../system/failures.ts';

const detail = 'the file has errors; nothing was stored';
/**
 * Returns what `dsvault` says if the vault refuses this file with this error code for its first
 * line.
 */
const sentenceFor = async (content: string, code: string): Promise<string> => {
  const client = async () => {
    throw refusal({ code: 'invalid_env', detail, errors: [{ line: 1, column: 3, code }] });
  };
  return await submitFile({ client } as unknown as Session, 'encrypt-env', { content }).then(
    () => 'stored',
    sentenceOf,
  );
};

describe('a file that the vault rejects', () => {
  const older =
    'the vault knows no enc(NAME@next): upgrade the vault to the release of this program';

  it.each([
    [
      'advice to upgrade the vault',
      'a reference that only dsvault knows',
      'A=enc(X@next)',
      'malformed_reference',
      older,
    ],
    [
      'the message of the vault',
      'a reference that dsvault finds malformed, too',
      'A=Enc(X)',
      'malformed_reference',
      detail,
    ],
    ['the message of the vault', 'any other error', 'A=enc(X@next)', 'unresolved_value', detail],
  ])('causes an error with %s for %s', async (_, _reason, content, code, sentence) => {
    expect(await sentenceFor(content, code)).toBe(sentence);
  });
});
