/** What is in each function's bundle: enough to run, and nothing that its route does not use. */
import { describe, expect, it } from '@jest/globals';
import { bundle, readBuilds } from '../bench/bundles.ts';

const builds = readBuilds('template.yaml');

/** The packages of which something is in the bundle, without what they need themselves. */
const packagesIn = async (operation: string) => {
  const { inputs } = await bundle(builds.get(operation) ?? {});
  const of = (name: string) => inputs.some((file) => file.includes(`node_modules/${name}/`));
  return {
    dynamodb: of('@aws-sdk/client-dynamodb'),
    kms: of('@aws-sdk/client-kms'),
    anyOfAws: of('@aws-sdk') || of('@smithy'),
    tokens: of('jose'),
    env: inputs.some((file) => file.startsWith('functions/env/')),
  };
};

describe('the bundle of', () => {
  it('get-health holds no AWS client and nothing that reads tokens', async () => {
    const nothing = { dynamodb: false, kms: false, anyOfAws: false, tokens: false, env: false };
    expect(await packagesIn('get-health')).toEqual(nothing);
  });

  it('list-secrets holds no client of KMS', async () => {
    expect(await packagesIn('list-secrets')).toMatchObject({ dynamodb: true, kms: false });
  });

  it.each([...builds.keys()].filter((name) => name !== 'get-health' && name !== 'list-secrets'))(
    '%s holds both clients, and the .env language only if it is about .env files',
    async (operation) => {
      const expected = { dynamodb: true, kms: true, tokens: true, env: operation.endsWith('-env') };
      expect(await packagesIn(operation)).toMatchObject(expected);
    },
  );

  it.each([...builds.keys()])(
    '%s holds no credential provider that Lambda never uses',
    async (operation) => {
      const { inputs } = await bundle(builds.get(operation) ?? {});
      const left = /credential-provider-(ini|login|process|sso|web-identity)/;
      expect(inputs.filter((file) => left.test(file))).toEqual([]);
    },
  );
});
