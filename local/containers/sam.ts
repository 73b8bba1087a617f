/**
 * The SAM CLI as this project runs it, and `sam local start-api` on a stack: the functions run in
 * containers, built and started as on AWS.
 */

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import * as v from 'valibot';
import type { AccessPolicy } from '../../functions/access/policy-types.ts';
import { localAudience, localIssuer } from '../../functions/access/policy-types.ts';
import { policyVariable, readPolicyFile } from '../../host/identity/access-policy.ts';
import { bundlePolicy } from '../../host/identity/policy-bundle.ts';
import { root } from '../../host/process/data-folder.ts';
import { causeOfEnd } from '../../host/process/ending.ts';
import { isOk } from '../../host/process/ports.ts';
import { programTimes } from '../../host/process/program-times.ts';
import { run } from '../../host/process/run.ts';
import { startChild, supervise } from '../../host/process/supervisor.ts';
import { failure } from '../../system/failures.ts';
import { addHost, hostName } from './container-host.ts';
import { lambdaArchitecture } from './docker.ts';
import type { Stack } from './stack.ts';
import { parseTemplate } from './template.ts';

/**
 * Without these variables the SAM CLI asks for credentials, on a network that may not answer, and
 * sends telemetry.
 */
export const samEnvironment: Readonly<Record<string, string>> = {
  AWS_DEFAULT_REGION: 'us-east-1',
  AWS_REGION: 'us-east-1',
  AWS_ACCESS_KEY_ID: 'local',
  AWS_SECRET_ACCESS_KEY: 'local',
  AWS_MAX_ATTEMPTS: '1',
  AWS_EC2_METADATA_DISABLED: 'true',
  SAM_CLI_TELEMETRY: '0',
  PATH: [join(root, 'node_modules', '.bin'), process.env['PATH']].join(delimiter),
};

/**
 * Whose tokens a stack on this machine accepts: those of its own key, or those of an access policy.
 */
export type Identity = { readonly jwks: string } | { readonly policy: AccessPolicy };

/**
 * Chooses whose tokens a stack accepts: those of the policy in `AUTH_POLICY_FILE` or, without one,
 * those of the local issuer, whose public keys `jwks` has.
 */
export const identityOf = (jwks: string, environment = process.env): Identity => {
  const file = environment[policyVariable];
  return file ? { policy: readPolicyFile(file, JSON.parse(jwks)).policy } : { jwks };
};

/**
 * Returns the parameters of the template for this machine. Without a policy, the key set is not
 * among them: `sam deploy` gets it as one more parameter, and `sam local` from its template. With
 * an access policy, the issuer, audience and key set are passed as empty, because a deployment
 * keeps the earlier value of a parameter that is not named.
 */
export const localParameters = (identity: Identity): readonly string[] => [
  `Architecture=${lambdaArchitecture}`,
  ...('jwks' in identity
    ? [`AuthIssuer=${localIssuer}`, `AuthAudience=${localAudience}`]
    : ['AuthIssuer=""', 'AuthAudience=""', 'AuthJwks=""']),
];

/**
 * Runs the SAM CLI in the folder of the checkout to its end. Throws an error with its last line.
 */
export const runSam = (
  samPrograms: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Promise<string> =>
  run(join(samPrograms, 'sam'), args, { cwd: root, env: { ...samEnvironment, ...env } });

/** Validates and builds the template, and puts the access policy next to the functions. */
export const buildTemplate = async (
  samPrograms: string,
  environmentName: 'local' | 'localstack',
  identity: Identity,
  say: (line: string) => void,
): Promise<void> => {
  say('sam validate --lint');
  await runSam(samPrograms, ['validate', '--lint']);
  say('sam build');
  const overrides = ['--parameter-overrides', ...localParameters(identity)];
  await runSam(samPrograms, ['build', '--config-env', environmentName, ...overrides]);
  if ('policy' in identity) bundlePolicy(root, identity.policy);
};

export type SamOptions = {
  /** The folder in which the pid of sam is kept. */
  readonly folder: string;
  readonly port: number;
  readonly stack: Stack;
  readonly identity: Identity;
  readonly say: (line: string) => void;
};

export type SamApi = {
  readonly url: string;
  /** Settles if sam ends before `close`; the error says how. */
  readonly failed: Promise<Error>;
  readonly close: () => Promise<void>;
};

const globals = v.looseObject({
  Globals: v.looseObject({
    Function: v.looseObject({
      Environment: v.looseObject({ Variables: v.record(v.string(), v.unknown()) }),
    }),
  }),
});

const fromContainers = (endpoint: string): string => `http://${hostName}:${new URL(endpoint).port}`;

/**
 * Writes the built template with the stack's endpoints in it, because sam passes only those
 * variables to a function that its template names. Returns the path of the file.
 */
const writeLocalTemplate = ({ stack, identity }: SamOptions): string => {
  const folder = join(root, '.aws-sam', 'build');
  const built = parseTemplate(readFileSync(join(folder, 'template.yaml'), 'utf8'));
  const template = v.parse(globals, built);
  Object.assign(template.Globals.Function.Environment.Variables, {
    SERVICE_NAME: 'vault',
    VAULT_ID: stack.vaultId,
    TABLE_NAME: stack.tableName,
    MASTER_KEY_ID: stack.masterKeyId,
    AUTH_JWKS: 'jwks' in identity ? identity.jwks : '',
    AWS_ENDPOINT_URL_DYNAMODB: fromContainers(stack.endpoints.dynamodb),
    AWS_ENDPOINT_URL_KMS: fromContainers(stack.endpoints.kms),
  });
  const file = join(folder, 'local.json');
  writeFileSync(file, JSON.stringify(template, undefined, 2));
  return file;
};

/** Validates and builds the template, serves it and returns when a first function has answered. */
export const startSam = async (options: SamOptions): Promise<SamApi> => {
  const { folder, port, stack, identity, say } = options;
  const { samPrograms } = stack;
  await buildTemplate(samPrograms, 'local', identity, say);
  mkdirSync(folder, { recursive: true });
  const env = { ...samEnvironment, DOCKER_HOST: process.env['DOCKER_HOST'] };
  const serve = ['local', 'start-api', '--host', '127.0.0.1', '--port', String(port)];
  const how = ['--skip-pull-image', '--warm-containers', 'LAZY', '--add-host', addHost];
  const overrides = ['--parameter-overrides', ...localParameters(identity)];
  const template = ['--template', writeLocalTemplate(options), ...overrides];
  const args = [...serve, ...how, ...template];
  const url = `http://127.0.0.1:${port}`;
  let isClosing = false;
  say('sam local start-api');
  const { failed, close } = await supervise({
    pidFile: join(folder, 'sam.pid'),
    launch: () => {
      const child = startChild(join(samPrograms, 'sam'), args, root, env);
      child.stderr?.on('data', (chunk: Buffer) => {
        // Python prints a stack trace when it is asked to end.
        if (!isClosing && causeOfEnd() === undefined) process.stderr.write(chunk);
      });
      return child;
    },
    start: {
      isDone: () => isOk(`${url}/health`),
      askEveryMs: 100,
      withinMs: programTimes.serviceStartMs,
      failed: () => failure('sam local start-api did not start: its last lines above say why'),
    },
    graceMs: programTimes.containersEndMs,
    onEnd: ({ how: ended }) => {
      throw failure(`sam local start-api ended (${ended})`);
    },
  });
  return {
    url,
    failed,
    close: async () => {
      isClosing = true;
      await close();
    },
  };
};
