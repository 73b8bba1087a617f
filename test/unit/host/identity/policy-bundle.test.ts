import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { AccessPolicy } from '../../../../functions/access/policy-types.ts';
import { readIdentity } from '../../../../functions/lambda/config.ts';
import { bundlePolicy } from '../../../../host/identity/policy-bundle.ts';
import { freshFolder } from '../../../support/local-process.ts';

const policyOf = (id: string): AccessPolicy => ({
  issuers: [
    {
      id,
      issuer: 'https://i.test',
      audiences: ['vault'],
      algorithms: ['RS256'],
      discovery: true,
      vaultClaims: true,
    },
  ],
});

describe('bundlePolicy', () => {
  let root: string;
  let build: string;
  /** Makes folders and files like those of `sam build`. */
  const makeBuild = () => {
    for (const name of ['GetSecretFunction', 'ListSecretsFunction', 'Layer', 'FunctionRole']) {
      mkdirSync(join(build, name), { recursive: true });
      writeFileSync(join(build, name, 'index.js'), 'code');
    }
    writeFileSync(join(build, 'template.yaml'), 'Resources: {}');
  };
  const files = () =>
    readdirSync(build, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ parentPath, name }) => join(parentPath, name).slice(build.length + 1))
      .sort();
  const taken = (name: string) => readIdentity({ LAMBDA_TASK_ROOT: join(build, name) });

  beforeEach(() => {
    root = freshFolder();
    build = join(root, '.aws-sam', 'build');
  });
  afterEach(() => rmSync(root, { recursive: true }));

  it('puts the policy into the folder of each built function, and nowhere else', () => {
    makeBuild();
    const before = files();
    expect(bundlePolicy(root, policyOf('first'))).toBe(2);
    const added = ['GetSecretFunction', 'ListSecretsFunction'].map(
      (name) => `${name}/access-policy.json`,
    );
    expect(files()).toEqual([...before, ...added].sort());
    for (const file of before.filter((name) => name.endsWith('.js'))) {
      expect(readFileSync(join(build, file), 'utf8')).toBe('code');
    }
    expect(readdirSync(root)).toEqual(['.aws-sam']);
  });

  it('replaces the previous policy, and each function reads the new one unchanged', () => {
    makeBuild();
    bundlePolicy(root, policyOf('first'));
    bundlePolicy(root, policyOf('second'));
    for (const name of ['GetSecretFunction', 'ListSecretsFunction']) {
      expect(taken(name)).toEqual(policyOf('second'));
    }
  });

  it('throws a user-facing error if nothing is built', () => {
    const sentence = `${build} contains no functions: run sam build first`;
    expect(() => bundlePolicy(root, policyOf('first'))).toThrow(sentence);
    mkdirSync(join(build, 'Layer'), { recursive: true });
    expect(() => bundlePolicy(root, policyOf('first'))).toThrow(sentence);
    expect(files()).toEqual([]);
  });

  it('throws if the build cannot be read', () => {
    mkdirSync(join(root, '.aws-sam'));
    writeFileSync(build, 'a file');
    expect(() => bundlePolicy(root, policyOf('first'))).toThrow('ENOTDIR');
  });
});
