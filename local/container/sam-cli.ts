/** The SAM CLI as this project runs it. */
import { delimiter, join } from 'node:path';
import { localAudience, localIssuer } from '../token-key.ts';
import { lambdaArchitecture } from './lambda-image.ts';
import { run } from './run.ts';

export type SamCli = {
  /** Holds template.yaml and node_modules. */
  readonly root: string;
  /** Of the Python environment that has it. */
  readonly samPrograms: string;
};

export const samProgramOf = ({ samPrograms }: SamCli): string => join(samPrograms, 'sam');

/** Without these it asks for credentials, on a network that may not answer, and reports home. */
export const samEnvironmentOf = ({ root }: SamCli): Readonly<Record<string, string>> => ({
  AWS_DEFAULT_REGION: 'us-east-1',
  AWS_REGION: 'us-east-1',
  AWS_ACCESS_KEY_ID: 'local',
  AWS_SECRET_ACCESS_KEY: 'local',
  AWS_MAX_ATTEMPTS: '1',
  AWS_EC2_METADATA_DISABLED: 'true',
  SAM_CLI_TELEMETRY: '0',
  PATH: [join(root, 'node_modules', '.bin'), process.env['PATH']].join(delimiter),
});

/** Of the parameters that have no default on every machine; the key set of tokens is told apart. */
export const localParameters: readonly string[] = [
  `Architecture=${lambdaArchitecture}`,
  `AuthIssuer=${localIssuer}`,
  `AuthAudience=${localAudience}`,
];

/** Runs it in the root to its end. Throws its last words. */
export const runSam = (
  cli: SamCli,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Promise<string> =>
  run(samProgramOf(cli), args, { cwd: cli.root, env: { ...samEnvironmentOf(cli), ...env } });

/** Validates and builds the template. */
export const buildTemplate = async (
  cli: SamCli,
  environmentName: 'local' | 'localstack',
  say: (line: string) => void,
): Promise<void> => {
  say('sam validate --lint');
  await runSam(cli, ['validate', '--lint']);
  say('sam build');
  const overrides = ['--parameter-overrides', ...localParameters];
  await runSam(cli, ['build', '--config-env', environmentName, ...overrides]);
};
