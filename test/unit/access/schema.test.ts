import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { accessSchema, accessSchemaFile } from '../../support/access-schema.ts';

const schema = JSON.parse(readFileSync(accessSchemaFile, 'utf8'));

describe('docs/access.schema.json', () => {
  it('is what npm run fix writes', () => {
    expect(schema).toEqual(JSON.parse(accessSchema()));
  });

  it('accepts a policy, and refuses an unknown property', () => {
    const isPolicy = new Ajv2020().compile({ ...schema, $schema: undefined });
    const rule = {
      ...{ match: { sub: ['ci', true] }, tenant: 'acme', subject: '{sub}' },
      ...{ scopes: ['secrets:read'], names: ['app.*'] },
    };
    const remote = {
      ...{ id: 'ci', issuer: 'https://i.test', audiences: ['vault'], algorithms: ['RS256'] },
      ...{ discovery: true, rules: [rule] },
    };
    const local = { id: 'local', localKey: true };
    expect(isPolicy({ issuers: [remote, local] })).toBe(true);
    for (const change of [
      { other: 1 },
      { rules: [{ ...rule, other: 1 }] },
      { algorithms: ['x'] },
    ]) {
      expect(isPolicy({ issuers: [{ ...remote, ...change }] })).toBe(false);
    }
  });
});
