/**
 * Each function's bundle has everything it needs to run, and no package that its route does not
 * use. It does not grow unnoticed, because Lambda loads all of it at each cold start.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { type BuildOptions, build } from 'esbuild';
import { parseTemplate } from '../../local/containers/template.ts';
import bytesMax from '../vectors/bundle-bytes.json' with { type: 'json' };

type BuildProperties = {
  readonly EntryPoints: readonly [string];
  readonly Format: 'esm';
  readonly OutExtension: readonly string[];
  readonly MainFields: string;
  readonly Minify: boolean;
  readonly Target: string;
  readonly External: readonly string[];
};
type Resource = {
  readonly Type: string;
  readonly Metadata: { readonly BuildProperties: BuildProperties };
  readonly Properties: { readonly Handler: string };
};

/** The esbuild options in template.yaml, which `sam build` uses, by operation. */
const readBuilds = (): ReadonlyMap<string, BuildOptions> => {
  const { Resources } = parseTemplate(readFileSync('template.yaml', 'utf8')) as {
    readonly Resources: Readonly<Record<string, Resource>>;
  };
  const functions = Object.values(Resources).filter(
    ({ Type }) => Type === 'AWS::Serverless::Function',
  );
  return new Map(
    functions.map(({ Metadata: { BuildProperties: properties }, Properties: { Handler } }) => [
      Handler.replace(/\.handler$/, ''),
      {
        entryPoints: [...properties.EntryPoints],
        outExtension: Object.fromEntries(properties.OutExtension.map((pair) => pair.split('='))),
        format: properties.Format,
        mainFields: properties.MainFields.split(','),
        minify: properties.Minify,
        target: properties.Target,
        external: [...properties.External],
        bundle: true,
        platform: 'node',
      },
    ]),
  );
};

/** Builds a bundle. `inputs` are the files that contribute code to it. */
const bundleOf = async (options: BuildOptions = {}) => {
  const { metafile } = await build({ ...options, outdir: 'out', write: false, metafile: true });
  const [output] = Object.values(metafile.outputs);
  const inputs = Object.entries(output?.inputs ?? {})
    .filter(([, { bytesInOutput }]) => bytesInOutput > 0)
    .map(([file]) => file);
  return { inputs, bytes: output?.bytes };
};

const builds = readBuilds();

/** Credential providers that Lambda never uses. */
const unused = /credential-provider-(ini|login|process|sso|web-identity)/;
const both = { dynamodb: true, kms: true, tokens: true };
/** Routes that never call KMS, so they work while the master key is out of reach. */
const withoutKms = ['list-secrets', 'delete-secret', 'destroy-version'];
/** Routes that call neither the store nor KMS, because they answer from the token alone. */
const withoutAws = ['whoami'];
const nothing = { dynamodb: false, kms: false, anyOfAws: false, tokens: false };

describe('the bundle of', () => {
  it.each([...builds.keys()])('%s has only the packages that its route uses', async (operation) => {
    const { inputs } = await bundleOf(builds.get(operation));
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

  it.each(Object.entries(bytesMax))('%s has at most %d bytes', async (operation, max) => {
    const { bytes } = await bundleOf(builds.get(operation));
    expect(bytes).toBeLessThanOrEqual(max);
  });
});
