/** The SAM CLI as this project runs it. */
import { delimiter, join } from 'node:path';
import { localAudience, localIssuer } from '../host/token-key.ts';
import { lambdaArchitecture } from './lambda-image.ts';
import { run } from './run.ts';

export type SamCli = {
  /** Holds template.yaml and node_modules. */
  readonly root: string;
  /** The folder of programs of the Python environment that has the SAM CLI. */
  readonly samPrograms: string;
};

export const samProgramOf = ({ samPrograms }: SamCli): string => join(samPrograms, 'sam');

/** Without these variables the SAM CLI asks for credentials, on a network that may not answer, and sends telemetry. */
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

/**
 * The parameters that have no default for every machine. The key set of tokens is not among them; each command passes
 * it separately.
 */
export const localParameters: readonly string[] = [
  `Architecture=${lambdaArchitecture}`,
  `AuthIssuer=${localIssuer}`,
  `AuthAudience=${localAudience}`,
];

/** Runs the SAM CLI in the root to its end. Throws its last words. */
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
