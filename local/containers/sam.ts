/** Runs `sam local start-api` on a stack: the functions run in containers, built and started as on AWS. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import * as v from 'valibot';
import { endChild, endRememberedChild, rememberChild, startChild } from '../host/child.ts';
import { failure } from '../host/command.ts';
import { causeOfEnd } from '../host/ending.ts';
import { parseTemplate } from '../host/template.ts';
import { addHost } from './host.ts';
import { buildTemplate, localParameters, samEnvironmentOf, samProgramOf } from './sam-cli.ts';
import type { Stack } from './stack.ts';

export type SamOptions = {
  /** Holds template.yaml and node_modules. */
  readonly root: string;
  /** Keeps the pid. */
  readonly folder: string;
  readonly port: number;
  readonly stack: Stack;
  /** The public key set of tokens. */
  readonly jwks: string;
  readonly say: (line: string) => void;
};

export type SamApi = {
  readonly url: string;
  /** Settles if sam ends before `close`; the error says how. */
  readonly failed: Promise<Error>;
  readonly close: () => Promise<void>;
};

const readyWithinMs = 60_000;
/** sam needs seconds to stop the containers of all functions. */
const graceMs = 30_000;

const globals = v.looseObject({
  Globals: v.looseObject({
    Function: v.looseObject({
      Environment: v.looseObject({ Variables: v.record(v.string(), v.unknown()) }),
    }),
  }),
});

/**
 * Writes the built template with the endpoints of the stack in it, because sam passes only those variables to a
 * function that its template names. Returns the file.
 */
const writeLocalTemplate = ({ root, stack, jwks }: SamOptions): string => {
  const folder = join(root, '.aws-sam', 'build');
  const built = parseTemplate(readFileSync(join(folder, 'template.yaml'), 'utf8'));
  const template = v.parse(globals, built);
  Object.assign(template.Globals.Function.Environment.Variables, {
    TABLE_NAME: stack.tableName,
    MASTER_KEY_ID: stack.masterKeyId,
    AUTH_JWKS: jwks,
    AWS_ENDPOINT_URL_DYNAMODB: stack.endpoints.dynamodb,
    AWS_ENDPOINT_URL_KMS: stack.endpoints.kms,
  });
  const file = join(folder, 'local.json');
  writeFileSync(file, JSON.stringify(template, undefined, 2));
  return file;
};

const answers = async (url: string): Promise<boolean> => {
  try {
    return (await fetch(`${url}/health`)).ok;
  } catch {
    return false;
  }
};

/** Validates and builds the template, serves it and returns when a first function has answered. */
export const startSam = async (options: SamOptions): Promise<SamApi> => {
  const { root, folder, port, stack, say } = options;
  const cli = { root, samPrograms: stack.samPrograms };
  await buildTemplate(cli, 'local', say);
  mkdirSync(folder, { recursive: true });
  const pidFile = join(folder, 'sam.pid');
  await endRememberedChild(pidFile);
  const env = { ...samEnvironmentOf(cli), DOCKER_HOST: process.env['DOCKER_HOST'] };
  const settings = Object.entries(env).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}=${value}`],
  );
  const serve = ['local', 'start-api', '--host', '127.0.0.1', '--port', String(port)];
  const how = ['--skip-pull-image', '--warm-containers', 'LAZY', '--add-host', addHost];
  const overrides = ['--parameter-overrides', ...localParameters];
  const template = ['--template', writeLocalTemplate(options), ...overrides];
  say('sam local start-api');
  const child = startChild(
    'env',
    [...settings, samProgramOf(cli), ...serve, ...how, ...template],
    root,
  );
  rememberChild(pidFile, child);
  let isClosing = false;
  child.stderr?.on('data', (chunk: Buffer) => {
    // Python prints a stack trace when it is asked to end.
    if (!isClosing && causeOfEnd() === undefined) process.stderr.write(chunk);
  });
  const failed = new Promise<Error>((resolve) => {
    child.once('exit', (code, signal) => {
      if (!isClosing)
        resolve(failure(`sam local start-api ended (${signal ?? `exit code ${code}`})`));
    });
  });
  const close = async (): Promise<void> => {
    isClosing = true;
    await endChild(child, graceMs);
  };
  const url = `http://127.0.0.1:${port}`;
  const deadline = performance.now() + readyWithinMs;
  while (!(await answers(url))) {
    if (child.exitCode !== null || performance.now() > deadline) {
      await close();
      throw failure('sam local start-api did not start: its last lines above say why');
    }
    await sleep(100);
  }
  return { url, failed, close };
};
