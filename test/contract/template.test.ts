import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { beforeAll, describe, expect, it, jest } from '@jest/globals';
import { buildSync } from 'esbuild';
import { parse } from 'yaml';
import { problem } from '../../functions/http/responses.ts';
import { VaultError } from '../../functions/model/errors.ts';
import { limits } from '../../functions/model/limits.ts';
import { parseTemplate, readTemplate, type Template } from '../../local/template.ts';
import { journalOnLambda } from '../support/lambda-journal.ts';
import { freshFolder } from '../support/local-process.ts';

/** The routes of docs/openapi.yaml by operation. */
const routes: Readonly<Record<string, string>> = (() => {
  const { paths } = parse(readFileSync('docs/openapi.yaml', 'utf8')) as {
    readonly paths: Record<string, Record<string, { readonly operationId?: string }>>;
  };
  const documented = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).flatMap(([method, { operationId }]) =>
      operationId === undefined ? [] : [[operationId, `${method.toUpperCase()} ${path}`]],
    ),
  );
  return Object.fromEntries(documented);
})();

/** The most KMS calls of one request of an operation, counted toward the quota of the key. */
const kmsCallsMax: Record<string, number> = {
  'create-secret': 1,
  'update-secret': 1,
  'copy-secret': 2,
  'get-secret': 1,
  'list-versions': limits.valuesPageMax,
  'submit-env': limits.fileNamesMax,
  'encrypt-env': limits.fileNamesMax,
  'expand-env': limits.fileNamesMax,
};
/** Half of the lowest regional KMS quota of cryptographic operations; the whole quota in earlier years. */
const kmsCallsPerSecond = 5_500;

/** The operations that describe the key once. KMS counts these calls toward another quota, of 2,000 in each Region. */
const describing = ['explain-secret', 'get-status'];
const describeCallsPerSecond = 2_000;

/** The modules that AWS clients load only if the environment has no access key. */
const external = ['ini', 'login', 'process', 'sso', 'web-identity'].map(
  (name) => `@aws-sdk/credential-provider-${name}`,
);
const bundleBytesMax = 390_000;

type Statement = {
  readonly Effect: string;
  readonly Action: string | readonly string[];
  readonly Resource: unknown;
  readonly Condition?: unknown;
};
type FunctionProperties = {
  readonly FunctionName: unknown;
  readonly Handler: string;
  readonly LoggingConfig: unknown;
  readonly ReservedConcurrentExecutions?: unknown;
  readonly Policies?: readonly { readonly Statement: readonly Statement[] }[];
};
type Setting = Record<'HttpMethod' | 'ResourcePath', string> & { ThrottlingRateLimit: number };
type Parameter = {
  readonly Default?: unknown;
  readonly MaxValue?: number;
  readonly AllowedPattern?: string;
};
type Resource = {
  readonly Type: string;
  readonly Condition?: string;
  readonly DeletionPolicy?: string;
  readonly Metadata?: unknown;
  readonly Properties: Record<string, unknown>;
};
type Document = {
  readonly Parameters: Record<string, Parameter>;
  readonly Conditions: Record<string, unknown>;
  readonly Rules: Record<
    string,
    {
      readonly RuleCondition?: unknown;
      readonly Assertions: readonly { readonly Assert: unknown; AssertDescription: string }[];
    }
  >;
  readonly Globals: { readonly Function: Record<string, unknown> };
  readonly Resources: Record<string, Resource>;
  readonly Outputs: Record<string, unknown>;
};
type Node = Readonly<Record<string, unknown>>;

/** Replaces nodes, from the outside in, where `replace` returns another node. */
const replaced = (node: unknown, replace: (node: Node) => unknown): unknown => {
  if (typeof node !== 'object' || node === null) return node;
  if (Array.isArray(node)) return node.map((each) => replaced(each, replace));
  const other = replace(node as Node);
  if (other !== node) return replaced(other, replace);
  return Object.fromEntries(
    Object.entries(node).map(([name, each]) => [name, replaced(each, replace)]),
  );
};

/** The template of a stack that makes its table and key, or of one over those of the parameters. */
const templateOf = (isNewVault: boolean): Document => {
  const all = replaced(parseTemplate(readFileSync('template.yaml', 'utf8')), (node) => {
    const [condition, own, existing] = [node['Fn::If']].flat();
    return condition === 'IsNewVault' ? (isNewVault ? own : existing) : node;
  }) as Document;
  const made = Object.entries(all.Resources).filter(
    ([, { Condition }]) => isNewVault || Condition !== 'IsNewVault',
  );
  return { ...all, Resources: Object.fromEntries(made) };
};
const document = templateOf(true);
const resourceOf = (operation: string): string =>
  operation.replace(/(?:^|-)([a-z])/g, (_, letter: string) => letter.toUpperCase());
const functionOf = (operation: string) => document.Resources[`${resourceOf(operation)}Function`];
const propertiesOf = (operation: string) =>
  functionOf(operation)?.Properties as unknown as FunctionProperties;
const statementsOf = (operation: string): readonly Statement[] =>
  (propertiesOf(operation).Policies ?? []).flatMap((policy) => policy.Statement);
const actionsOf = (statement: Statement): readonly string[] => [statement.Action].flat();

const policy = document.Resources['MasterKey']?.Properties['KeyPolicy'];
const { Statement: keyPolicy } = policy as { readonly Statement: readonly Statement[] };

/** The value of an assertion, computed with the CloudFormation rule functions that the template uses. */
const evaluate = (node: unknown, parameters: Readonly<Record<string, string>>): unknown => {
  if (typeof node !== 'object' || node === null) return node;
  const [[name, content] = []] = Object.entries(node);
  const parts = [content].flat().map((part) => evaluate(part, parameters));
  if (name === 'Ref') return parameters[String(content)];
  if (name === 'Fn::Equals') return parts[0] === parts[1];
  if (name === 'Fn::Not') return parts[0] === false;
  if (name === 'Fn::Or') return parts.includes(true);
  throw new Error(`the rules use ${name}, which this test does not know`);
};

/** The sentences with which a rule refuses parameters. */
const refusalsOf = (rule: string, parameters: Readonly<Record<string, string>>) => {
  const { RuleCondition, Assertions } = document.Rules[rule] ?? { Assertions: [] };
  if (evaluate(RuleCondition, parameters) !== true) return [];
  return Assertions.filter(({ Assert }) => evaluate(Assert, parameters) !== true).map(
    ({ AssertDescription }) => AssertDescription,
  );
};

/** The id of the vault: the parameter, else the name of the stack. */
const ownVaultId = { 'Fn::If': ['HasVaultId', { Ref: 'VaultId' }, { Ref: 'AWS::StackName' }] };
const ofThisVault = { 'kms:EncryptionContext:vault': ownVaultId };
const dataKeyActions = ['kms:GenerateDataKey', 'kms:Decrypt'];

const alarms = Object.values(document.Resources).filter(
  ({ Type }) => Type === 'AWS::CloudWatch::Alarm',
);

type Graph = {
  readonly type: string;
  readonly properties: {
    readonly title: string;
    readonly metrics?: readonly unknown[];
    readonly query?: string;
  };
};

const graphs = (): readonly Graph[] => {
  const body = document.Resources['Dashboard']?.Properties['DashboardBody'];
  const [text] = (body as Record<string, readonly [string, object]>)['Fn::Sub'] ?? [''];
  return JSON.parse(text.replaceAll(/\$\{[\w:]+\}/g, 'x')).widgets;
};

/** A metric by its namespace, the names of its dimensions, and its own name. */
const metricOf = (namespace: string, dimensions: readonly string[], name: string): string =>
  [namespace, ...dimensions.toSorted(), name].join(' ');

/** The metrics in the lines of a request that lost a race, raised an alarm and failed. */
const metricsOnLambda = (): readonly string[] => {
  let written = '';
  const outputs = [process.stdout, process.stderr].map((stream) =>
    jest.spyOn(stream, 'write').mockImplementation((chunk) => {
      written += String(chunk);
      return true;
    }),
  );
  const journal = journalOnLambda()('update-secret', 'r-1');
  journal.decided('lost_race');
  journal.decided('key_fault');
  journal.close({ principal: undefined, status: 503, error: undefined, elapsedMs: 1 });
  for (const output of outputs) output.mockRestore();
  const lines = written.trim().split('\n');
  return lines.flatMap((line) =>
    JSON.parse(line)._aws.CloudWatchMetrics.flatMap(
      ({
        Namespace,
        Dimensions: [names],
        Metrics,
      }: {
        Namespace: string;
        Dimensions: [string[]];
        Metrics: { Name: string }[];
      }) => Metrics.map(({ Name }) => metricOf(Namespace, names, Name)),
    ),
  );
};

let template: Template;
beforeAll(async () => {
  template = await readTemplate();
});

describe('template.yaml', () => {
  it('serves exactly the routes of docs/openapi.yaml, each with its own function and file', () => {
    const served = template.routes.map(({ operation, method, path }) => [
      operation,
      `${method} ${path}`,
    ]);
    const all = Object.entries(routes);
    // A function that answers GET answers HEAD, too.
    const heads = all
      .filter(([, route]) => route.startsWith('GET '))
      .map(([operation, route]) => [operation, route.replace('GET', 'HEAD')]);
    expect(served.sort()).toEqual([...all, ...heads].sort());
    const files = readdirSync('functions').filter((name) => name.endsWith('.ts'));
    expect(
      Object.keys(routes)
        .map((name) => `${name}.ts`)
        .sort(),
    ).toEqual(files.sort());
  });

  it.each(Object.keys(routes))('uses one name for %s everywhere', (operation) => {
    expect(functionOf(operation)?.Type).toBe('AWS::Serverless::Function');
    expect(functionOf(operation)?.Metadata).toEqual({
      BuildMethod: 'esbuild',
      BuildProperties: {
        EntryPoints: [`functions/${operation}.ts`],
        Format: 'esm',
        OutExtension: ['.js=.mjs'],
        MainFields: 'module,main',
        Minify: true,
        Target: 'node24',
        External: external,
      },
    });
    const properties = propertiesOf(operation);
    expect(properties.Handler).toBe(`${operation}.handler`);
    expect(properties.FunctionName).toEqual({ 'Fn::Sub': `\${AWS::StackName}-${operation}` });
    const logs = `${resourceOf(operation)}Logs`;
    expect(properties.LoggingConfig).toEqual({ LogGroup: { Ref: logs } });
    expect(document.Resources[logs]?.Properties).toEqual({
      LogGroupName: { 'Fn::Sub': `/aws/lambda/\${AWS::StackName}-${operation}` },
      RetentionInDays: { Ref: 'LogRetentionDays' },
    });
  });

  it('builds small bundles that start', () => {
    const folder = freshFolder();
    const { outputFiles } = buildSync({
      entryPoints: [...new Set(template.routes.map((route) => route.entryPoint))],
      outdir: folder,
      bundle: true,
      platform: 'node',
      format: 'esm',
      outExtension: { '.js': '.mjs' },
      mainFields: ['module', 'main'],
      minify: true,
      target: 'node24',
      external,
      write: false,
    });
    for (const { path, contents } of outputFiles) {
      expect(contents.length).toBeLessThanOrEqual(bundleBytesMax);
      writeFileSync(path, contents);
    }
    const files = outputFiles.map(({ path }) => path);
    const script =
      'for (const file of process.argv.slice(1)) console.log(typeof (await import(file)).handler)';
    const identity = {
      AUTH_ISSUER: 'i',
      AUTH_AUDIENCE: 'a',
      AUTH_JWKS_URL: 'https://127.0.0.1:9/k',
    };
    const own = { VAULT_ID: 'v', TABLE_NAME: 't', MASTER_KEY_ID: 'k' };
    const env = { AWS_REGION: 'us-east-1', ...own, ...identity };
    const args = ['--input-type=module', '-e', script, ...files];
    const printed = execFileSync(process.execPath, args, { env, cwd: folder, encoding: 'utf8' });
    expect(printed.trim().split('\n')).toEqual(files.map(() => 'function'));
  });

  // test/cloud/policies holds the actions to those that each function uses.
  it.each(Object.keys(routes))('allows %s its table, its index and its key alone', (operation) => {
    for (const statement of statementsOf(operation)) {
      expect(statement.Effect).toBe('Allow');
      const isKms = actionsOf(statement).every((action) => action.startsWith('kms:'));
      const table = { 'Fn::GetAtt': 'SecretsTable.Arn' };
      // biome-ignore lint/suspicious/noTemplateCurlyInString: CloudFormation's own substitution
      const index = { 'Fn::Sub': '${SecretsTable.Arn}/index/byTenant' };
      const key = { 'Fn::GetAtt': 'MasterKey.Arn' };
      const isOfIndex =
        operation === 'list-secrets' && actionsOf(statement)[0] === 'dynamodb:Query';
      expect(statement.Resource).toEqual(isKms ? key : isOfIndex ? index : table);
      const usesDataKeys = actionsOf(statement).some((action) => dataKeyActions.includes(action));
      expect(statement.Condition).toEqual(usesDataKeys ? { StringEquals: ofThisVault } : undefined);
    }
  });

  it('grants no action by a wildcard, neither to a function nor to the account', () => {
    const statements = [...Object.keys(routes).flatMap(statementsOf), ...keyPolicy];
    expect(statements.flatMap(actionsOf).filter((action) => action.includes('*'))).toEqual([]);
  });

  it('allows data keys only for a tenant and a name of this vault, and with nothing else in the encryption context', () => {
    const uses = keyPolicy.filter((statement) =>
      actionsOf(statement).some((action) => /Decrypt|DataKey/.test(action)),
    );
    expect(uses).toHaveLength(1);
    expect(uses[0]?.Condition).toEqual({
      StringEquals: ofThisVault,
      'ForAllValues:StringEquals': { 'kms:EncryptionContextKeys': ['vault', 'tenant', 'name'] },
      Null: { 'kms:EncryptionContext:tenant': 'false', 'kms:EncryptionContext:name': 'false' },
    });
  });

  /** The requests that the gateway accepts for a method in a second. */
  const rateOf = (method: string, path: string): number => {
    const settings = document.Resources['Api']?.Properties['MethodSettings'] as Setting[];
    const encoded = `/${path.replaceAll('/', '~1')}`;
    const own = settings.find(
      (setting) => setting.HttpMethod === method && setting.ResourcePath === encoded,
    );
    const all = settings.find((setting) => setting.ResourcePath === '/*');
    return (own ?? all)?.ThrottlingRateLimit ?? Number.POSITIVE_INFINITY;
  };

  it('keeps the looks at the key of all operations together below half of their KMS quota', () => {
    const rates = template.routes
      .filter(({ operation }) => describing.includes(operation))
      .map(({ method, path }) => rateOf(method, path));
    expect(rates).toHaveLength(2 * describing.length);
    const all = rates.reduce((sum, each) => sum + each);
    expect(all).toBeLessThan(describeCallsPerSecond / 2);
  });

  it('keeps all operations together below the KMS quota', () => {
    const calls = template.routes.map(
      ({ operation, method, path }) => rateOf(method, path) * (kmsCallsMax[operation] ?? 0),
    );
    expect(calls.reduce((sum, each) => sum + each)).toBeLessThanOrEqual(kmsCallsPerSecond);
    for (const operation of ['submit-env', 'encrypt-env', 'expand-env']) {
      expect(propertiesOf(operation).ReservedConcurrentExecutions).toEqual({
        'Fn::If': ['ReservesEnv', { Ref: 'EnvConcurrency' }, { Ref: 'AWS::NoValue' }],
      });
    }
    const concurrencyMax = document.Parameters['EnvConcurrency']?.MaxValue ?? 0;
    expect(3 * concurrencyMax * limits.fileNamesMax).toBeLessThanOrEqual(kmsCallsPerSecond);
  });

  it('gives a function more time than a request has, and the settings of the contract', () => {
    const { Timeout, Runtime, Architectures, Environment } = document.Globals.Function;
    expect({ Timeout, Runtime, Architectures }).toEqual({
      Timeout: 15,
      Runtime: 'nodejs24.x',
      Architectures: [{ Ref: 'Architecture' }],
    });
    expect(Environment).toEqual({
      Variables: {
        SERVICE_NAME: { Ref: 'AWS::StackName' },
        VAULT_ID: ownVaultId,
        TABLE_NAME: { Ref: 'SecretsTable' },
        MASTER_KEY_ID: { 'Fn::GetAtt': 'MasterKey.Arn' },
        AUTH_ISSUER: { Ref: 'AuthIssuer' },
        AUTH_AUDIENCE: { Ref: 'AuthAudience' },
        AUTH_JWKS: { Ref: 'AuthJwks' },
        AUTH_JWKS_URL: { Ref: 'AuthJwksUrl' },
      },
    });
  });

  it('has alarms, their topic and a dashboard only for an AlarmEmail', () => {
    const { Default, AllowedPattern = '' } = document.Parameters['AlarmEmail'] ?? {};
    expect(Default).toBe('');
    const accepts = (email: string) => new RegExp(`^(?:${AllowedPattern})$`).test(email);
    expect(['', 'ops@example.com', 'ops', 'a b@c'].map(accepts)).toEqual([
      true,
      true,
      false,
      false,
    ]);
    expect(document.Conditions['HasAlarms']).toEqual({
      'Fn::Not': [{ 'Fn::Equals': [{ Ref: 'AlarmEmail' }, ''] }],
    });
    const observed = Object.entries(document.Resources).filter(([, { Type }]) =>
      /::(SNS|CloudWatch)::/.test(Type),
    );
    expect(observed).toHaveLength(12);
    for (const [name, { Condition }] of observed)
      expect([name, Condition]).toEqual([name, 'HasAlarms']);
  });

  it('sends each alarm, and its end, to the topic, and counts missing data as healthy', () => {
    for (const { Properties } of alarms) {
      expect(Properties).toMatchObject({
        AlarmActions: [{ Ref: 'AlarmTopic' }],
        OKActions: [{ Ref: 'AlarmTopic' }],
        TreatMissingData: 'notBreaching',
      });
    }
  });

  it('has an alarm for each decision that is logged as a warning', () => {
    const decisions = alarms.flatMap(({ Properties }) => {
      const dimensions = (Properties['Dimensions'] ?? []) as readonly Record<string, unknown>[];
      return dimensions.filter(({ Name }) => Name === 'decision').map(({ Value }) => Value);
    });
    expect(decisions.sort()).toEqual([
      'clock_skew',
      'integrity_failure',
      'key_fault',
      'outcome_unknown',
      'table_replicated',
    ]);
  });

  it('watches the errors and throttles of every function', () => {
    const names = Object.keys(routes).map((operation) => `\${AWS::StackName}-${operation}`);
    const queries = JSON.stringify(alarms).match(/SELECT SUM[^\n]*?(?="})/g) ?? [];
    expect(queries).toHaveLength(2);
    for (const query of queries) {
      const [, ...watched] = query.split("FunctionName = '");
      expect(watched.map((part) => part.split("'")[0]).sort()).toEqual(names.sort());
    }
  });

  it('adds up the throttles of the table and of each index of it', () => {
    type Query = {
      readonly Id: string;
      readonly Expression?: string;
      readonly MetricStat?: {
        readonly Metric: {
          readonly MetricName: string;
          readonly Dimensions: readonly { readonly Name: string; readonly Value: unknown }[];
        };
      };
    };
    const queries = document.Resources['TableThrottleAlarm']?.Properties['Metrics'] as Query[];
    const watched = queries.flatMap(({ Id, MetricStat }) => {
      if (MetricStat === undefined) return [];
      const { MetricName, Dimensions } = MetricStat.Metric;
      const index = Dimensions.find(({ Name }) => Name === 'GlobalSecondaryIndexName')?.Value;
      return [{ Id, what: `${MetricName} of ${index ?? 'the table'}` }];
    });
    const indexes = document.Resources['SecretsTable']?.Properties['GlobalSecondaryIndexes'];
    const parts = [
      'the table',
      ...(indexes as { IndexName: string }[]).map((one) => one.IndexName),
    ];
    expect(watched.map(({ what }) => what).sort()).toEqual(
      ['ReadThrottleEvents', 'WriteThrottleEvents'].flatMap((metric) =>
        parts.map((part) => `${metric} of ${part}`).sort(),
      ),
    );
    const sum = watched.map(({ Id }) => `FILL(${Id}, 0)`).join(' + ');
    expect(queries.map(({ Expression }) => Expression).filter(Boolean)).toEqual([sum]);
  });

  it('has a dashboard of eight graphs and a table, whose text is JSON', () => {
    expect(graphs().map(({ type }) => type)).toEqual([...Array(8).fill('metric'), 'log']);
  });

  it('counts refusals by reason, over the logs of all functions', () => {
    const { query = '' } = graphs().find(({ type }) => type === 'log')?.properties ?? {};
    const sources = [...query.matchAll(/SOURCE '\/aws\/lambda\/x-([\w-]+)'/g)];
    expect(sources.map(([, operation]) => operation).sort()).toEqual(Object.keys(routes).sort());
    expect(query).toContain(
      '| filter message = "request" and outcome = "refused" | stats count(*)',
    );
    expect(query).toMatch(/ by status, code, why \|/);
  });

  it('logs of the gateway the ids, the route and the status, and only for an AccessLog', () => {
    const setting = document.Resources['Api']?.Properties['AccessLogSetting'];
    const [condition, log, none] = (setting as { 'Fn::If': readonly unknown[] })['Fn::If'];
    const { Format, ...destination } = log as { readonly Format: string };
    // A path may hold a mistyped value as a name. The path of a resource has {name} in its place.
    expect(JSON.parse(Format)).toEqual({
      gatewayRequestId: '$context.requestId',
      requestId: '$context.integration.requestId',
      route: '$context.httpMethod $context.resourcePath',
      status: '$context.status',
    });
    expect(destination).toEqual({ DestinationArn: { 'Fn::GetAtt': 'AccessLogs.Arn' } });
    expect(none).toEqual({ Ref: 'AWS::NoValue' });
    expect([condition, document.Resources['AccessLogs']?.Condition]).toEqual(
      Array(2).fill('HasAccessLog'),
    );
    const isOn = (AccessLog: string) =>
      evaluate(document.Conditions['HasAccessLog'], { AccessLog });
    expect([document.Parameters['AccessLog']?.Default, isOn('false'), isOn('true')]).toEqual([
      ...['false', false, true],
    ]);
  });

  it('graphs requests as the samples of their duration', () => {
    const graph = graphs().find(({ properties: { title } }) => title.startsWith('Requests'));
    expect(JSON.stringify(graph)).toMatch(/ MetricName=\\"Duration\\" .* 'SampleCount', 300/);
  });

  it('asks in alarms and graphs only for metrics that the lines of the functions hold', () => {
    const watched = alarms.flatMap(({ Properties: { Namespace, MetricName, Dimensions = [] } }) => {
      const names = (Dimensions as readonly { readonly Name: string }[]).map(({ Name }) => Name);
      return metricOf(String(Namespace), names, String(MetricName));
    });
    const searches = JSON.stringify(graphs()).matchAll(/\{(\w+),([\w,]+)\} MetricName=\\"(\w+)/g);
    const shown = [...searches].map(([, namespace = '', names = '', name = '']) =>
      metricOf(namespace, names.split(','), name),
    );
    const asked = [...watched, ...shown].filter((metric) => metric.startsWith('SecretsVault'));
    expect(asked).toHaveLength(11);
    const held = metricsOnLambda();
    expect(asked.filter((metric) => !held.includes(metric))).toEqual([]);
  });

  it('has a saved query for each question of dsvault log, over all logs that may answer it', () => {
    const queries = Object.values(document.Resources).filter(
      ({ Type }) => Type === 'AWS::Logs::QueryDefinition',
    );
    const logsOf = (operations: readonly string[]) =>
      operations.map((operation) => ({ Ref: `${resourceOf(operation)}Logs` }));
    const all = logsOf(Object.keys(routes));
    const idle = ['explain-secret', 'list-secrets', 'whoami', 'get-status', 'get-health'];
    const touching = logsOf(Object.keys(routes).filter((operation) => !idle.includes(operation)));
    const accessLogs = {
      'Fn::If': ['HasAccessLog', { Ref: 'AccessLogs' }, { Ref: 'AWS::NoValue' }],
    };
    const texts = queries.map(({ Properties }) => String(Properties['QueryString']));
    const expected = [
      [touching, '@message like /"DB_PASSWORD@/'],
      [all, 'subject = "alice"'],
      [[...all, accessLogs], 'requestId like /^c484c830/ or gatewayRequestId like /^c484c830/'],
      [all, 'outcome = "refused"'],
    ] as const;
    expect(queries).toHaveLength(expected.length);
    for (const [index, [logs, condition]] of expected.entries()) {
      const groups = (queries[index]?.Properties['LogGroupNames'] ?? []) as readonly object[];
      expect(new Set(groups.map((group) => JSON.stringify(group)))).toEqual(
        new Set(logs.map((group) => JSON.stringify(group))),
      );
      expect(texts[index]).toContain(condition);
    }
    expect(texts.at(-1)).toMatch(/^fields .*\bwhy\b/);
  });

  it('uses the name of the stack as the id of the vault unless VaultId is given', () => {
    const { Default, AllowedPattern = '' } = document.Parameters['VaultId'] ?? {};
    expect(Default).toBe('');
    const accepts = (id: string) => new RegExp(`^(?:${AllowedPattern})$`).test(id);
    expect(['', 'Vault-1', 'x'.repeat(64)].filter(accepts)).toHaveLength(3);
    expect(['a_b', 'a b', 'a:b', 'x'.repeat(65)].filter(accepts)).toEqual([]);
    const hasId = (VaultId: string) => evaluate(document.Conditions['HasVaultId'], { VaultId });
    expect([hasId(''), hasId('v')]).toEqual([false, true]);
  });

  it('accepts a whole issuer with one key set, or none for an access policy, and explains the rest', () => {
    const refusals = (AuthIssuer: string, AuthAudience: string, AuthJwks: string, url: string) =>
      refusalsOf('WholeIssuer', { AuthIssuer, AuthAudience, AuthJwks, AuthJwksUrl: url });
    const set = '{"keys":[]}';
    const url = 'https://issuer.example/jwks.json';
    expect(refusals('', '', '', '')).toEqual([]);
    expect(refusals('i', 'vault', set, '')).toEqual([]);
    expect(refusals('i', 'vault', '', url)).toEqual([]);
    expect(refusals('i', 'vault', '', '')).toEqual([
      "Give the issuer's keys as AuthJwks or AuthJwksUrl. Both are empty.",
    ]);
    expect(refusals('i', 'vault', set, url)).toEqual([
      "Give the issuer's keys as AuthJwks or AuthJwksUrl, not as both.",
    ]);
    const more = (name: string) =>
      `Give ${name} too, or none of the Auth parameters and an access policy.`;
    expect(refusals('', 'vault', set, '')).toEqual([more('AuthIssuer')]);
    expect(refusals('i', '', '', url)).toEqual([more('AuthAudience')]);
    expect(refusals('', '', set, '')).toEqual([more('AuthIssuer'), more('AuthAudience')]);
  });

  const keyArn = 'arn:aws:kms:eu-central-1:123456789012:key/0b1c-2';
  it.each([
    ['nothing', '', '', '', 0],
    ['only an id', '', '', 'v', 0],
    ['table, key and id', 'vault-old', keyArn, 'v', 0],
    ['a table alone, under a new key', 'vault-old', '', 'v', 'ExistingKeyArn'],
    ['a key alone, with an empty table', '', keyArn, 'v', 'ExistingTable'],
    ['table and key under the name of the stack', 'vault-old', keyArn, '', 'VaultId'],
  ])('given %s, asks for the missing parameter, or for none', (_, table, key, id, missing) => {
    const parameters = { ExistingTable: table, ExistingKeyArn: key, VaultId: id };
    const told = refusalsOf('WholeVault', parameters);
    expect(told).toEqual(
      missing === 0 ? [] : [expect.stringMatching(new RegExp(`^Give ${missing} too`))],
    );
  });

  it('has parameters for the table and the key of an existing vault, both empty by default', () => {
    const accepted = (name: string, texts: readonly string[]) => {
      const { Default, AllowedPattern = '' } = document.Parameters[name] ?? {};
      expect(Default).toBe('');
      return texts.filter((text) => new RegExp(`^(?:${AllowedPattern})$`).test(text));
    };
    const names = ['', 'vault-old', 'a.b_c', 'ab', 'a/b', 'a*c'];
    expect(accepted('ExistingTable', names)).toEqual(['', 'vault-old', 'a.b_c']);
    const keys = ['', keyArn, keyArn.replace('0b1c-2', 'mrk-1'), '0b1c-2', `${keyArn}/*`, '*'];
    expect(accepted('ExistingKeyArn', keys)).toEqual(keys.slice(0, 3));
  });

  it('makes no table or key over existing ones, and uses them wherever it would use its own', () => {
    const isNew = (ExistingTable: string) =>
      evaluate(document.Conditions['IsNewVault'], { ExistingTable });
    expect([isNew(''), isNew('vault-old')]).toEqual([true, false]);
    const over = templateOf(false);
    const { SecretsTable, MasterKey, MasterKeyAlias, ...others } = document.Resources;
    for (const own of [SecretsTable, MasterKey, MasterKeyAlias]) expect(own).toBeDefined();
    const arn =
      // biome-ignore lint/suspicious/noTemplateCurlyInString: CloudFormation's own substitution
      'arn:${AWS::Partition}:dynamodb:${AWS::Region}:${AWS::AccountId}:table/${ExistingTable}';
    const expected = replaced({ ...document, Resources: others }, (node) => {
      const { Ref: name, 'Fn::GetAtt': attribute, 'Fn::Sub': text } = node;
      if (name === 'SecretsTable') return { Ref: 'ExistingTable' };
      if (attribute === 'SecretsTable.Arn') return { 'Fn::Sub': arn };
      if (attribute === 'MasterKey.Arn') return { Ref: 'ExistingKeyArn' };
      // biome-ignore lint/suspicious/noTemplateCurlyInString: CloudFormation's own substitution
      const own = '${SecretsTable.Arn}';
      if (typeof text !== 'string' || !text.startsWith(own)) return node;
      return { 'Fn::Sub': text.replace(own, () => arn) };
    });
    expect(over).toEqual(expected);
    const text = JSON.stringify([over.Globals, over.Resources, over.Outputs]);
    expect(text.match(/SecretsTable|MasterKey(?!Arn)/g) ?? []).toEqual([]);
  });

  it('has one on-demand table with restore, index and TTL, without a stream or replica', () => {
    const { Type, DeletionPolicy, Properties } = document.Resources['SecretsTable'] ?? {};
    expect({ Type, DeletionPolicy }).toEqual({
      Type: 'AWS::DynamoDB::Table',
      DeletionPolicy: 'Retain',
    });
    expect(Properties).toMatchObject({
      BillingMode: 'PAY_PER_REQUEST',
      PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
      TimeToLiveSpecification: { AttributeName: 'expiresAt', Enabled: true },
    });
    expect(Properties).not.toHaveProperty('StreamSpecification');
    expect(Properties).not.toHaveProperty('Replicas');
    expect(template.table.create.KeySchema).toEqual([
      { AttributeName: 'pk', KeyType: 'HASH' },
      { AttributeName: 'sk', KeyType: 'RANGE' },
    ]);
    expect(template.table.create.GlobalSecondaryIndexes).toEqual([
      {
        IndexName: 'byTenant',
        KeySchema: [
          { AttributeName: 'tenant', KeyType: 'HASH' },
          { AttributeName: 'name', KeyType: 'RANGE' },
        ],
        Projection: { ProjectionType: 'KEYS_ONLY' },
      },
    ]);
  });

  it('outputs the URL with its stage, the table and the key', () => {
    expect(document.Outputs).toEqual({
      ApiUrl: {
        Value: {
          // biome-ignore lint/suspicious/noTemplateCurlyInString: CloudFormation's own substitution
          'Fn::Sub': 'https://${Api}.execute-api.${AWS::Region}.${AWS::URLSuffix}/${StageName}',
        },
      },
      TableName: { Value: { Ref: 'SecretsTable' } },
      MasterKeyArn: { Value: { 'Fn::GetAtt': 'MasterKey.Arn' } },
    });
  });

  it('passes bodies as bytes', () => {
    expect(document.Resources['Api']?.Properties['BinaryMediaTypes']).toEqual(['*~1*']);
  });

  it("turns the gateway's own replies into problems with no-store", () => {
    const replies = document.Resources['Api']?.Properties['GatewayResponses'] as Record<
      string,
      {
        readonly StatusCode: number;
        readonly ResponseParameters: { readonly Headers: Record<string, string> };
        readonly ResponseTemplates: Record<string, string>;
      }
    >;
    const codes = Object.entries(replies).map(([type, reply]) => {
      const sent = JSON.parse(reply.ResponseTemplates['application/json'] ?? '');
      const own = problem(new VaultError(sent.code, sent.detail), '$context.requestId');
      expect(reply.StatusCode).toBe(own.statusCode);
      const properties = {
        ...(sent.code === 'too_large' && { limit: limits.bodyBytesMax }),
        ...(sent.code === 'invalid_request' && { field: 'request' }),
      };
      expect(sent).toEqual({ ...JSON.parse(own.body), ...properties });
      expect(reply.ResponseParameters.Headers).toMatchObject({
        'Content-Type': "'application/problem+json'",
        'Cache-Control': "'no-store'",
        'X-Content-Type-Options': "'nosniff'",
        'X-Request-Id': 'context.requestId',
      });
      const retryAfter = reply.ResponseParameters.Headers['Retry-After']?.replaceAll("'", '');
      expect(retryAfter).toBe(own.headers?.['Retry-After']);
      return [type, sent.code];
    });
    expect(Object.fromEntries(codes)).toEqual({
      DEFAULT_4XX: 'invalid_request',
      MISSING_AUTHENTICATION_TOKEN: 'route_not_found',
      RESOURCE_NOT_FOUND: 'route_not_found',
      REQUEST_TOO_LARGE: 'too_large',
      THROTTLED: 'throttled',
      QUOTA_EXCEEDED: 'throttled',
      DEFAULT_5XX: 'outcome_unknown',
    });
  });
});
