/** The AWS CLI on the LocalStack of a folder, as `npm run localstack -- aws …` gives it to a person. */
import { runLocal } from '../support/local-process.ts';

/** What it prints. Throws what it says if it fails. */
export const aws = async (dataDir: string, ...args: readonly string[]): Promise<string> => {
  const command = runLocal('localstack', ['aws', ...args], { VAULT_DATA_DIR: dataDir });
  if ((await command.exit) === 0) return command.output.join('\n');
  throw new Error(command.errors.join('\n'));
};

/** As `aws`, of what it prints as JSON. */
export const askAws = async <Answer>(
  dataDir: string,
  ...args: readonly string[]
): Promise<Answer> => JSON.parse(await aws(dataDir, ...args, '--output', 'json')) as Answer;

/** An output of the deployed stack. */
export const outputOf = (dataDir: string, name: string): Promise<string> =>
  askAws(
    dataDir,
    ...['cloudformation', 'describe-stacks', '--stack-name', 'vault'],
    ...['--query', `Stacks[0].Outputs[?OutputKey=='${name}'] | [0].OutputValue`],
  );
