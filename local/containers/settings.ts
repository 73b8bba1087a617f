/** The environment variables of the commands of SAM and LocalStack, and their output. */
import { join } from 'node:path';
import { failure } from '../host/command.ts';

export const say = (line: string): void => void process.stdout.write(`${line}\n`);

/** Lies beside the token key, so that `npm run token` makes tokens for it, and apart from the data of `npm start`. */
export const stackFolderOf = (dataFolder: string): string => join(dataFolder, 'stack');

/** The same folder for `npm run localstack`. */
export const localstackFolderOf = (dataFolder: string): string => join(dataFolder, 'localstack');

/** Returns LocalStack's own port unless `LOCALSTACK_PORT` names another one. */
export const readLocalstackPort = (): number => {
  const text = process.env['LOCALSTACK_PORT'] || '4566';
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (port >= 1 && port <= 65_535) return port;
  throw failure('LOCALSTACK_PORT must be a number from 1 to 65535');
};
