import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { buildSync } from 'esbuild';
import type { OperationId } from '../../client/types.ts';
import { tableDefinition } from '../../functions/dynamodb/table-definition.ts';
import { problem } from '../../functions/http/responses.ts';
import { metricsOf } from '../../functions/lambda/cloudwatch-metrics.ts';
import { ApiError } from '../../functions/model/errors.ts';
import { limits, times } from '../../functions/model/limits.ts';
import { routes as codedRoutes } from '../../functions/routes.ts';
import { parseTemplate } from '../../local/containers/template.ts';
import { grantsOf } from '../cloud/policies/permissions.ts';
import { createKeptLog } from '../support/kept-log.ts';
import { freshFolder } from '../support/local-process.ts';
import { operations } from '../support/openapi.ts';
import { perRoute } from '../support/routes.ts';
import { readTemplate, type Template } from '../support/template.ts';

/**
 * The routes in docs/openapi.yaml, by operation, except for the document itself, which functions do
 * not serve.
 */
const routes: Readonly<Record<string, string>> = Object.fromEntries(
  operations
    .filter(({ operationId }) => operationId !== 'get-openapi')
    .map(({ operationId, method, path }) => [operationId, `${method} ${path}`]),
);

/** Half of the lowest regional KMS quota for cryptographic operations. */
const kmsCallsPerSecond = 5_500;

/** The quota of a Region for DescribeKey, which an operation calls once if it calls it. */
const describeCallsPerSecond = 2_000;

/** Modules that AWS clients load only when the environment has no access key. */
const external = ['ini', 'login', 'process', 'sso', 'web-identity'].map(
  (name) => `@aws-sdk/credential-provider-${name}`,
);
const bundleBytesMax = 390_000;

type Statement = { readonly Action: string | readonly string[]; readonly Condition?: unknown };
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
};
const source = readFileSync('template.yaml', 'utf8');
const document = parseTemplate(source) as Document;
const resourceOf = (operation: string): string =>
  operation.replace(/(?:^|-)([a-z])/g, (_, letter: string) => letter.toUpperCase());
const policy = document.Resources['MasterKey']?.Properties['KeyPolicy'];
const { Statement: keyPolicy } = policy as { readonly Statement: readonly Statement[] };
const actionsOf = ({ Action }: Statement): readonly string[] => [Action].flat();

/**
 * Evaluates an assertion of a CloudFormation rule with these parameters. Knows only the functions
 * that the template uses in its rules.
 */
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

/** Returns the messages with which a rule of the template refuses these parameters. */
const refusalsOf = (rule: string, parameters: Readonly<Record<string, string>>) => {
  const { RuleCondition, Assertions } = document.Rules[rule] ?? { Assertions: [] };
  if (evaluate(RuleCondition, parameters) !== true) return [];
  return Assertions.filter(({ Assert }) => evaluate(Assert, parameters) !== true).map(
    ({ AssertDescription }) => AssertDescription,
  );
};

/** The vault id: the parameter, or else the stack's name. */
const ownVaultId = { 'Fn::If': ['HasVaultId', { Ref: 'VaultId' }, { Ref: 'AWS::StackName' }] };
const ofThisVault = { 'kms:EncryptionContext:vault': ownVaultId };

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

/** A metric as its namespace, the names of its dimensions and its own name. */
const metricOf = (namespace: string, dimensions: readonly string[], name: string): string =>
  [namespace, ...dimensions.toSorted(), name].join(' ');

/**
 * Returns the metrics in the log lines of one update on Lambda. The update loses a race, then meets
 * a key fault, and ends with 503.
 */
const metricsOnLambda = (): readonly string[] => {
  const log = createKeptLog({ metricsOf });
  const journal = log.openJournal('update-secret', 'r-1', undefined);
  journal.decided('lost_race');
  journal.decided('key_fault');
  void journal.close({ principal: undefined, status: 503, error: undefined, elapsedMs: 1 });
  return log.written.flatMap(({ text }) =>
    JSON.parse(text)._aws.CloudWatchMetrics.flatMap(
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
    // A function that answers GET also answers HEAD.
    const heads = all
      .filter(([, route]) => route.startsWith('GET '))
      .map(([operation, route]) => [operation, route.replace('GET', 'HEAD')]);
    expect(served.sort()).toEqual([...all, ...heads].sort());
    const files = readdirSync('functions').filter(
      (name) => name.endsWith('.ts') && !['api.ts', 'routes.ts'].includes(name),
    );
    expect(
      Object.keys(routes)
        .map((name) => `${name}.ts`)
        .sort(),
    ).toEqual(files.sort());
  });

  it('describes the same routes, scopes, table and time limit as the code', () => {
    const own = template.routes.map(({ operation, method, path }) => ({ operation, method, path }));
    const methodsOf = (method: string) => (method === 'GET' ? ['GET', 'HEAD'] : [method]);
    const coded = codedRoutes.flatMap(({ operation, method, path }) =>
      methodsOf(method).map((one) => ({ operation, method: one, path })),
    );
    expect(own).toEqual(coded);
    for (const { operation, scopes } of codedRoutes) {
      const { scopes: expected = [] } = perRoute[operation as OperationId];
      expect([operation, scopes]).toEqual([operation, expected]);
    }
    expect(template.table).toEqual(tableDefinition);
    for (const { timeoutMs } of template.routes) expect(timeoutMs).toBe(times.noAnswerMs);
  });

  it('gives all functions the same build, handler and logs, except for their names', () => {
    const definitions = Object.keys(routes).map((operation) => {
      const resource = resourceOf(operation);
      const { Type, Metadata, Properties } = document.Resources[`${resource}Function`] ?? {};
      const { Handler, FunctionName, LoggingConfig } = Properties ?? {};
      const logs = document.Resources[`${resource}Logs`]?.Properties;
      const all = JSON.stringify([Type, Metadata, Handler, FunctionName, LoggingConfig, logs]);
      return all
        .replaceAll(new RegExp(`\\b${operation}\\b`, 'g'), 'NAME')
        .replaceAll(resource, 'NAME');
    });
    expect(new Set(definitions)).toEqual(
      new Set([expect.stringMatching(/NAME.handler.*NAMELogs/)]),
    );
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
    const { Environment } = document.Globals.Function;
    const settings = Object.keys((Environment as { Variables: object }).Variables);
    const given = settings.map((name) => [
      name,
      name.endsWith('_URL') ? 'https://127.0.0.1:9/k' : 'x',
    ]);
    const env = { AWS_REGION: 'us-east-1', ...Object.fromEntries(given), AUTH_JWKS: '' };
    const args = ['--input-type=module', '-e', script, ...files];
    const printed = execFileSync(process.execPath, args, { env, cwd: folder, encoding: 'utf8' });
    expect(printed.trim().split('\n')).toEqual(files.map(() => 'function'));
  });

  // test/cloud/policies compares the actions with the calls that each function makes.
  it('allows each function only the table, its index and the key of the vault', () => {
    expect([...grantsOf(source).keys()].sort()).toEqual(Object.keys(routes).sort());
  });

  it('allows data keys only for a tenant and a name of this vault, and with nothing else in the encryption context', () => {
    const uses = keyPolicy.filter((statement) =>
      actionsOf(statement).some((action) => /Decrypt|DataKey/.test(action)),
    );
    expect(uses).toHaveLength(1);
    expect(keyPolicy.flatMap(actionsOf).filter((action) => action.includes('*'))).toEqual([]);
    expect(uses[0]?.Condition).toEqual({
      StringEquals: ofThisVault,
      'ForAllValues:StringEquals': { 'kms:EncryptionContextKeys': ['vault', 'tenant', 'name'] },
      Null: { 'kms:EncryptionContext:tenant': 'false', 'kms:EncryptionContext:name': 'false' },
    });
  });

  /** Returns how many requests per second the gateway accepts for a method of a path. */
  const rateOf = (method: string, path: string): number => {
    const settings = document.Resources['Api']?.Properties['MethodSettings'] as Setting[];
    const encoded = `/${path.replaceAll('/', '~1')}`;
    const own = settings.find(
      (setting) => setting.HttpMethod === method && setting.ResourcePath === encoded,
    );
    const all = settings.find((setting) => setting.ResourcePath === '/*');
    return (own ?? all)?.ThrottlingRateLimit ?? Number.POSITIVE_INFINITY;
  };

  it('limits all requests that describe the key to less than half of their KMS quota', () => {
    const describing = template.routes.filter(({ operation }) =>
      perRoute[operation as OperationId].grants.includes('kms:DescribeKey MasterKey'),
    );
    // Two operations, each with GET and HEAD.
    expect(describing).toHaveLength(2 * 2);
    const rates = describing.map(({ method, path }) => rateOf(method, path));
    const all = rates.reduce((sum, each) => sum + each);
    expect(all).toBeLessThan(describeCallsPerSecond / 2);
  });

  it('limits the KMS calls of all operations together to half of the lowest KMS quota', () => {
    const calls = template.routes.map(
      ({ operation, method, path }) =>
        rateOf(method, path) * perRoute[operation as OperationId].keyCallsMax,
    );
    expect(calls.reduce((sum, each) => sum + each)).toBeLessThanOrEqual(kmsCallsPerSecond);
    for (const operation of ['submit-env', 'encrypt-env', 'expand-env']) {
      const { Properties } = document.Resources[`${resourceOf(operation)}Function`] ?? {};
      expect(Properties?.['ReservedConcurrentExecutions']).toEqual({
        'Fn::If': ['ReservesEnv', { Ref: 'EnvConcurrency' }, { Ref: 'AWS::NoValue' }],
      });
    }
    const concurrencyMax = document.Parameters['EnvConcurrency']?.MaxValue ?? 0;
    expect(3 * concurrencyMax * limits.fileNamesMax).toBeLessThanOrEqual(kmsCallsPerSecond);
  });

  it('gives every function a longer time limit than the vault gives a request', () => {
    const least = Math.min(...template.routes.map(({ timeoutMs }) => timeoutMs));
    expect(least).toBeGreaterThan(times.answerByMs);
  });

  it('has alarms, their topic and a dashboard only if AlarmEmail is given', () => {
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

  it('adds up the throttles of the table and of each of its indexes', () => {
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

  it('has a dashboard with eight graphs and a table, as valid JSON', () => {
    expect(graphs().map(({ type }) => type)).toEqual([...Array(8).fill('metric'), 'log']);
  });

  it('has a dashboard table that counts refusals by reason, over the logs of all functions', () => {
    const { query = '' } = graphs().find(({ type }) => type === 'log')?.properties ?? {};
    const sources = [...query.matchAll(/SOURCE '\/aws\/lambda\/x-([\w-]+)'/g)];
    expect(sources.map(([, operation]) => operation).sort()).toEqual(Object.keys(routes).sort());
    expect(query).toContain(
      '| filter message = "request" and outcome = "refused" | stats count(*)',
    );
    expect(query).toMatch(/ by status, code, why \|/);
  });

  it('logs only the ids, the route and the status of gateway requests, and only if AccessLog is on', () => {
    const setting = document.Resources['Api']?.Properties['AccessLogSetting'];
    const [condition, log, none] = (setting as { 'Fn::If': readonly unknown[] })['Fn::If'];
    const { Format, ...destination } = log as { readonly Format: string };
    // Logs the resource path, which has {name} in it. The real path may contain a secret value that
    // somebody typed as a name.
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

  it('counts requests in graphs by the samples of their duration', () => {
    const graph = graphs().find(({ properties: { title } }) => title.startsWith('Requests'));
    expect(JSON.stringify(graph)).toMatch(/ MetricName=\\"Duration\\" .* 'SampleCount', 300/);
  });

  it('has alarms and graphs only for metrics that the functions log', () => {
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

  it('uses the name of the stack as the id of the vault unless VaultId is given', () => {
    const { Default, AllowedPattern = '' } = document.Parameters['VaultId'] ?? {};
    expect(Default).toBe('');
    const accepts = (id: string) => new RegExp(`^(?:${AllowedPattern})$`).test(id);
    expect(['', 'Vault-1', 'x'.repeat(64)].filter(accepts)).toHaveLength(3);
    expect(['a_b', 'a b', 'a:b', 'x'.repeat(65)].filter(accepts)).toEqual([]);
    const hasId = (VaultId: string) => evaluate(document.Conditions['HasVaultId'], { VaultId });
    expect([hasId(''), hasId('v')]).toEqual([false, true]);
    const uses = source.matchAll(/^ +(VAULT_ID|kms:EncryptionContext:vault): (.*)$/gm);
    const ids = Map.groupBy(uses, ([, key]) => key);
    expect([...ids.keys()].sort()).toEqual(['VAULT_ID', 'kms:EncryptionContext:vault']);
    for (const [, , id] of [...ids.values()].flat()) {
      expect(id).toBe('!If [HasVaultId, !Ref VaultId, !Ref AWS::StackName]');
    }
  });

  it('accepts a complete issuer with one key set, or no issuer at all, and explains what is wrong otherwise', () => {
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
  ])('given %s, asks for the missing parameter, if any', (_, table, key, id, missing) => {
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

  it('keeps the table and the key when the stack is deleted, and allows restores to a point in time', () => {
    const { SecretsTable, MasterKey } = document.Resources;
    expect([SecretsTable?.DeletionPolicy, MasterKey?.DeletionPolicy]).toEqual(['Retain', 'Retain']);
    expect(SecretsTable?.Properties).toMatchObject({
      PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
      TimeToLiveSpecification: { AttributeName: 'expiresAt' },
    });
    // With a replica in another Region, two concurrent writes could both succeed.
    expect(SecretsTable?.Properties).not.toHaveProperty('Replicas');
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
      const own = problem(new ApiError(sent.code, sent.detail), '$context.requestId');
      expect(reply.StatusCode).toBe(own.status);
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
