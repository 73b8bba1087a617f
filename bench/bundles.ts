/** Bundles the functions like `sam build`, with the build properties of template.yaml. */
import { readFileSync } from 'node:fs';
import { type BuildOptions, build } from 'esbuild';
import { parseTemplate } from '../local/template.ts';

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
};

/** The options of esbuild for each function, by operation. */
export const readBuilds = (template: string): ReadonlyMap<string, BuildOptions> => {
  const { Resources } = parseTemplate(readFileSync(template, 'utf8')) as {
    readonly Resources: Readonly<Record<string, Resource>>;
  };
  const functions = Object.values(Resources).filter(
    ({ Type }) => Type === 'AWS::Serverless::Function',
  );
  return new Map(
    functions.map(({ Metadata: { BuildProperties: properties } }) => [
      properties.EntryPoints[0].replace(/^functions\/|\.ts$/g, ''),
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

export type Bundle = {
  readonly bytes: number;
  /** The files of which the bundle contains some code. */
  readonly inputs: readonly string[];
};

/** Bundles the functions, and writes the bundles into `folder` if it is given. */
export const bundle = async (options: BuildOptions, folder?: string): Promise<Bundle> => {
  const { metafile } = await build({
    ...options,
    outdir: folder ?? 'out',
    write: folder !== undefined,
    metafile: true,
  });
  const [output] = Object.values(metafile.outputs);
  const inputs = Object.entries(output?.inputs ?? {}).filter(
    ([, { bytesInOutput }]) => bytesInOutput > 0,
  );
  return { bytes: output?.bytes ?? Number.NaN, inputs: inputs.map(([file]) => file) };
};
