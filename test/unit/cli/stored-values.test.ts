import { describe, expect, it } from '@jest/globals';
import { adoptValues } from '../../../cli/files/stored-values.ts';
import type { Session } from '../../../cli/requests/vault-client.ts';
import { refusal } from '../../../system/failures.ts';

type Asked = { readonly id: string; readonly body?: unknown };

/**
 * Stores the value `v` of the secret A with a client that answers as given. Returns the result and
 * all requests that the client got.
 */
const store = (answer: (id: string) => object = () => ({})) => {
  const requests: Asked[] = [];
  const client = async (id: string, input: object) => {
    requests.push({ ...input, id });
    return answer(id);
  };
  const secrets = [{ name: 'A', value: 'v', line: 2, column: 3 }];
  const session = { client } as unknown as Session;
  const stored = adoptValues(session, secrets, { note: 'n', dryRun: true }, '.env');
  return { stored, requests };
};

/** Answers as a vault in which A exists with this value. */
const withValue = (value: string) => (id: string) => {
  if (id === 'get-secret') return { value };
  throw refusal({
    ...{ code: 'secret_exists', detail: '', status: 409 },
    errors: [{ line: 1, column: 5, code: 'secret_exists', name: 'A' }],
  });
};

describe('the values of an adopted file', () => {
  it('are stored in one request', async () => {
    const { stored, requests } = store();
    expect(await stored).toEqual([]);
    const body = { content: 'K0="enc(A)"\n', values: { A: 'v' }, note: 'n', dryRun: true };
    expect(requests).toEqual([{ id: 'encrypt-env', body }]);
  });

  it('count as stored if the secrets have them already, without another request', async () => {
    const { stored, requests } = store(withValue('v'));
    expect(await stored).toEqual(['A']);
    expect(requests.map(({ id }) => id)).toEqual(['encrypt-env', 'get-secret']);
  });

  it('are refused with their lines in the file if the secrets have others', async () => {
    const { stored } = store(withValue('w'));
    const errors = [{ line: 2, column: 3, name: 'A' }];
    await expect(stored).rejects.toMatchObject({ report: { code: 'secret_exists', errors } });
  });
});
