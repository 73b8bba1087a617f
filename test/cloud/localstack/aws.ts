/** Runs the AWS CLI with the LocalStack of a folder, like `npm run stack -- localstack aws …`. */
import { runLocal } from '../../support/local-process.ts';

/** Returns the output of the command. If it fails, throws its error output. */
export const aws = async (dataDir: string, ...args: readonly string[]): Promise<string> => {
  const command = runLocal('stack', ['localstack', 'aws', ...args], { VAULT_DATA_DIR: dataDir });
  if ((await command.exit) === 0) return command.output.join('\n');
  throw new Error(command.errors.join('\n'));
};

/** Like `aws`, but parses the output as JSON. */
export const askAws = async <Answer>(
  dataDir: string,
  ...args: readonly string[]
): Promise<Answer> => JSON.parse(await aws(dataDir, ...args, '--output', 'json')) as Answer;

/** Returns an output of a deployed stack. */
export const outputOf = (dataDir: string, name: string, stack = 'vault'): Promise<string> =>
  askAws(
    dataDir,
    ...['cloudformation', 'describe-stacks', '--stack-name', stack],
    ...['--query', `Stacks[0].Outputs[?OutputKey=='${name}'] | [0].OutputValue`],
  );
