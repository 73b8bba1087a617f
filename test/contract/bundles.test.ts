/** Each function's bundle holds enough to run, and no package that its route does not use. */
import { describe, expect, it } from '@jest/globals';
import { bundle, readBuilds } from '../../bench/bundles.ts';

const builds = readBuilds('template.yaml');

/** The packages that a bundle includes directly, without their own dependencies. */
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

describe('function bundles:', () => {
  it('get-health has no AWS client and no code that reads tokens', async () => {
    const nothing = { dynamodb: false, kms: false, anyOfAws: false, tokens: false, env: false };
    expect(await packagesIn('get-health')).toEqual(nothing);
  });

  it('list-secrets has no KMS client', async () => {
    expect(await packagesIn('list-secrets')).toMatchObject({ dynamodb: true, kms: false });
  });

  it.each([...builds.keys()].filter((name) => name !== 'get-health' && name !== 'list-secrets'))(
    '%s has both clients, and the .env language only if it handles .env files',
    async (operation) => {
      const expected = { dynamodb: true, kms: true, tokens: true, env: operation.endsWith('-env') };
      expect(await packagesIn(operation)).toMatchObject(expected);
    },
  );

  it.each([...builds.keys()])(
    '%s has no credential provider that Lambda never uses',
    async (operation) => {
      const { inputs } = await bundle(builds.get(operation) ?? {});
      const left = /credential-provider-(ini|login|process|sso|web-identity)/;
      expect(inputs.filter((file) => left.test(file))).toEqual([]);
    },
  );
});
