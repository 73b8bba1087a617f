/** The subjects of `npm run bench -- cold`: each function as deployed, and one of them in other variants. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { BuildOptions } from 'esbuild';
import { bundle, readBuilds } from './bundles.ts';

export type Subject = {
  readonly label: string;
  /** The operation whose request the subject gets, if any. */
  readonly operation: string | undefined;
  /** The name of its file in `folder`, without extension. */
  readonly name: string;
  readonly folder: string;
  readonly bytes: number;
  readonly env: NodeJS.ProcessEnv;
};

const asModule = { format: 'esm', platform: 'node', bundle: true, minify: true } as const;

/** The function that is also started in other variants. */
const varied = 'get-secret';
export const empty = 'a function that does nothing';

const allInOne = (operations: readonly string[]): string =>
  [
    ...operations.map(
      (name, index) => `import { handler as h${index} } from '${resolve(`functions/${name}.ts`)}';`,
    ),
    `const handlers = { ${operations.map((name, index) => `'${name}': h${index}`).join(', ')} };`,
    'export const handler = (event, context) =>',
    '  handlers[event.requestContext.resourceId](event, context);',
  ].join('\n');

/** Asks the store and the master key once before the first request arrives. */
const warmed = `
import { machineClock as clock } from '${resolve('functions/runtime/clock.ts')}';
import { ports } from '${resolve('functions/runtime/vault.ts')}';
const storeTime = { during: (work) => work() };
const context = { elapsed: () => 0, clock, storeTime, journal: { called() {} } };
const store = ports.store.for(context, { tenant: '', names: undefined });
await Promise.all([store.probe(), ports.dataKeys.for(context).probe()]);
export { handler } from '${resolve(`functions/${varied}.ts`)}';
`;

const write = (folder: string, name: string, text: string): string => {
  const file = join(folder, name);
  writeFileSync(file, text);
  return file;
};

/** Writes the runtime loop as JavaScript, so that no start pays for removing types. Returns the file's name. */
export const makeRuntime = async (folder: string): Promise<string> => {
  const entryPoints = ['test/support/images/lambda/runtime.mts'];
  await bundle({ entryPoints, outExtension: { '.js': '.mjs' }, ...asModule }, folder);
  return join(folder, 'runtime.mjs');
};

/** Bundles all subjects below `folder`. */
export const makeSubjects = async (folder: string): Promise<readonly Subject[]> => {
  const builds = readBuilds('template.yaml');
  let made = 0;
  const make = async (
    label: string,
    operation: string | undefined,
    options: BuildOptions,
    { name = operation ?? 'empty', cached = false } = {},
  ): Promise<Subject> => {
    made += 1;
    const own = join(folder, String(made));
    mkdirSync(own);
    const { bytes } = await bundle(options, own);
    const env = cached ? { NODE_COMPILE_CACHE: join(own, 'cache') } : {};
    return { label, operation, name, folder: own, bytes, env };
  };
  const of = builds.get(varied) ?? {};
  const from = (name: string, text: string): BuildOptions => ({
    ...of,
    entryPoints: [write(folder, `${name}.ts`, text)],
  });
  const nothing = from(
    'empty',
    'export const handler = async () => ({ statusCode: 200, body: "" });',
  );
  const all = from('all', allInOne([...builds.keys()]));
  return [
    await make(empty, undefined, nothing),
    ...(await Promise.all([...builds].map(([name, options]) => make(name, name, options)))),
    await make(`${varied}, not minified`, varied, { ...of, minify: false }),
    await make(`${varied}, compile cache`, varied, of, { cached: true }),
    await make(`${varied}, all routes in one`, varied, all, { name: 'all' }),
    await make(`${varied}, a call to each service at init`, varied, from('warmed', warmed), {
      name: 'warmed',
    }),
  ];
};
