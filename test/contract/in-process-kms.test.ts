/** The functions of `npm start` call the embedded KMS in their own process. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { type Backing, startBacking } from '../../local/backing.ts';
import { readTemplate } from '../../local/template.ts';
import { requestContext, someone } from '../support/requests.ts';

const root = process.cwd();
const kept = { ...process.env };
let folder: string;
let backing: Backing;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'vault-backing-'));
  const { table } = await readTemplate(join(root, 'template.yaml'));
  const report = () => undefined;
  backing = await startBacking({ root, folder, store: 'dynoxide', table, report });
});
afterEach(async () => {
  await backing.close();
  process.env = { ...kept };
  rmSync(folder, { recursive: true });
});

describe('the functions of npm start', () => {
  it('make and open data keys while nothing answers at the endpoint of KMS', async () => {
    process.env['AWS_ENDPOINT_URL_KMS'] = 'http://127.0.0.1:1';
    const { ports } = jest.requireActual<typeof import('../../functions/runtime/vault.ts')>(
      '../../functions/runtime/vault.ts',
    );
    const bound = { tenant: someone().tenant, name: 'DB_PASSWORD' };
    const made = await ports.dataKeys.generate(requestContext(), bound);
    expect(made.masterKeyId).toBe(backing.running.masterKeyId);
    const opened = await ports.dataKeys.unwrap(requestContext(), bound, made.wrapped);
    expect(opened).toEqual(made.plaintext);
    expect(await ports.dataKeys.probe(requestContext())).toEqual({
      masterKeyId: backing.running.masterKeyId.split('/')[1],
    });
  });
});
