/** What template.yaml says about the routes and the table, to compare it with the code. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as v from 'valibot';
import { parseTemplate } from '../../local/containers/template.ts';

/** One route of the API and the function that answers it. */
export type Route = {
  readonly method: string;
  /** The path in API Gateway's format: `/v1/secrets/{name}`. */
  readonly path: string;
  /** The operation, which is also the name of the function's file: `create-secret`. */
  readonly operation: string;
  /** The function's source, relative to the template: `functions/lambda/create-secret.ts`. */
  readonly entryPoint: string;
  readonly timeoutMs: number;
};

/** The table in the format of `CreateTable` (without a name), and the attribute of its TTL. */
type TableDefinition = {
  readonly create: v.InferOutput<typeof tableProperties>;
  readonly timeToLiveAttribute: string;
};

export type Template = { readonly routes: readonly Route[]; readonly table: TableDefinition };

const keySchema = v.array(
  v.object({ AttributeName: v.string(), KeyType: v.picklist(['HASH', 'RANGE']) }),
);
const tableProperties = v.object({
  BillingMode: v.literal('PAY_PER_REQUEST'),
  DeletionProtectionEnabled: v.boolean(),
  AttributeDefinitions: v.array(
    v.object({ AttributeName: v.string(), AttributeType: v.picklist(['S', 'N', 'B']) }),
  ),
  KeySchema: keySchema,
  GlobalSecondaryIndexes: v.array(
    v.object({
      IndexName: v.string(),
      KeySchema: keySchema,
      Projection: v.object({ ProjectionType: v.literal('KEYS_ONLY') }),
    }),
  ),
});
const tableResource = v.object({
  Type: v.literal('AWS::DynamoDB::Table'),
  Properties: v.object({
    ...tableProperties.entries,
    TimeToLiveSpecification: v.object({ AttributeName: v.string(), Enabled: v.literal(true) }),
  }),
});
const functionResource = v.object({
  Type: v.literal('AWS::Serverless::Function'),
  Metadata: v.object({
    BuildProperties: v.object({ EntryPoints: v.tuple([v.string()]) }),
  }),
  Properties: v.object({
    Handler: v.string(),
    Events: v.record(
      v.string(),
      v.object({
        Type: v.literal('Api'),
        Properties: v.object({ Method: v.string(), Path: v.string() }),
      }),
    ),
  }),
});
const document = v.object({
  Globals: v.object({ Function: v.object({ Timeout: v.number() }) }),
  Resources: v.record(v.string(), v.looseObject({ Type: v.string() })),
});

const templateFile = join(import.meta.dirname, '..', '..', 'template.yaml');

/** Reads the routes and the table. Throws if the file lacks a part of them. */
export const readTemplate = async (): Promise<Template> => {
  const { Globals, Resources } = v.parse(
    document,
    parseTemplate(await readFile(templateFile, 'utf8')),
  );
  const ofType = (type: string) =>
    Object.values(Resources).filter((resource) => resource.Type === type);
  const routes = ofType('AWS::Serverless::Function').flatMap((resource) => {
    const { Metadata, Properties } = v.parse(functionResource, resource);
    return Object.values(Properties.Events).map(({ Properties: event }) => ({
      method: event.Method,
      path: event.Path,
      operation: Properties.Handler.replace(/\.handler$/, ''),
      entryPoint: Metadata.BuildProperties.EntryPoints[0],
      timeoutMs: Globals.Function.Timeout * 1000,
    }));
  });
  const [table, ...others] = ofType('AWS::DynamoDB::Table');
  if (others.length > 0) throw new Error('template.yaml describes more than one table');
  const { TimeToLiveSpecification, ...create } = v.parse(tableResource, table).Properties;
  return { routes, table: { create, timeToLiveAttribute: TimeToLiveSpecification.AttributeName } };
};
