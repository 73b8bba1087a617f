/** Each function's bundle holds enough to run, and no package that its route does not use. */
import { describe, expect, it } from '@jest/globals';
import { bundle, readBuilds } from '../../bench/bundles.ts';

const builds = readBuilds('template.yaml');

/** Credential providers that Lambda never uses. */
const unused = /credential-provider-(ini|login|process|sso|web-identity)/;
const both = { dynamodb: true, kms: true, tokens: true };
/** Routes that work while the master key is out of reach. */
const withoutKms = ['list-secrets', 'delete-secret', 'destroy-version'];
/** Routes that use the token alone. */
const withoutAws = ['whoami'];
const nothing = { dynamodb: false, kms: false, anyOfAws: false, tokens: false };

describe('function bundles:', () => {
  it.each([...builds.keys()])('%s has the packages that its route uses', async (operation) => {
    const { inputs } = await bundle(builds.get(operation) ?? {});
    const has = (name: string) => inputs.some((file) => file.includes(`node_modules/${name}/`));
    const found = {
      dynamodb: has('@aws-sdk/client-dynamodb'),
      kms: has('@aws-sdk/client-kms'),
      anyOfAws: has('@aws-sdk') || has('@smithy'),
      tokens: has('jose'),
      env: inputs.some((file) => file.startsWith('functions/env/')),
      unused: inputs.filter((file) => unused.test(file)),
    };
    expect(found).toMatchObject({ env: operation.endsWith('-env'), unused: [] });
    if (operation === 'get-health') expect(found).toMatchObject(nothing);
    else if (withoutAws.includes(operation)) {
      expect(found).toMatchObject({ ...nothing, tokens: true });
    } else if (withoutKms.includes(operation)) expect(found).toMatchObject({ ...both, kms: false });
    else expect(found).toMatchObject(both);
  });
});
