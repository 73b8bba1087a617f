import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { openFixedKey } from '../../../../local/containers/fixed-key.ts';
import { freshFolder } from '../../../support/local-process.ts';

describe('openFixedKey', () => {
  it('makes one key for a folder, and only the owner can read it', () => {
    const folder = freshFolder();
    const key = openFixedKey(folder);
    expect(Buffer.from(key.material, 'base64')).toHaveLength(32);
    expect(openFixedKey(folder)).toEqual(key);
    expect(openFixedKey(freshFolder())).not.toEqual(key);
    expect(statSync(join(folder, 'localstack-key.json')).mode & 0o777).toBe(0o600);
  });

  it('keeps a damaged file, and does not quote it in the error', () => {
    const folder = freshFolder();
    const file = join(folder, 'localstack-key.json');
    const { id, material } = openFixedKey(folder);
    const damaged = JSON.stringify({ id, material: material.slice(4) });
    writeFileSync(file, damaged);
    let error: unknown;
    try {
      openFixedKey(folder);
    } catch (caught) {
      error = caught;
    }
    expect(error).toMatchObject({ name: 'Failure', message: expect.stringContaining(file) });
    expect(JSON.stringify(error)).not.toContain(material.slice(4));
    expect(readFileSync(file, 'utf8')).toBe(damaged);
  });
});
