/**
 * Starts DynamoDB Local, so that tests can run against it. The npm package `dynamodb-local`
 * downloads Amazon's program the first time and starts it with Java. The program has its own
 * licence, so it is not part of this project. It listens on every address of the machine, and no
 * setting changes that.
 */
import { mkdirSync, rmSync } from 'node:fs';
import { findFreePort, isServed } from '../../host/process/ports.ts';
import { programTimes } from '../../host/process/program-times.ts';
import { endChild } from '../../host/process/supervisor.ts';
import { installOnce } from '../../local/containers/install-once.ts';
import { until } from './until.ts';

const installPath = '.local/dynamodb-local';

export const startDynamodbLocal = async (folder: string) => {
  const { configureInstaller, launch } = await import('dynamodb-local');
  configureInstaller({ installPath });
  await installOnce({
    folder: installPath,
    name: 'DynamoDB Local',
    install: async () => {
      rmSync(installPath, { recursive: true, force: true });
      mkdirSync(installPath, { recursive: true });
      // The package installs only as a part of a start.
      await endChild(await launch(await findFreePort()), programTimes.storeEndMs);
    },
  });
  const port = await findFreePort();
  const child = await launch(port, folder, ['-sharedDb']);
  await until(() => isServed(port), 30_000);
  return {
    endpoint: `http://127.0.0.1:${port}`,
    close: () => endChild(child, programTimes.storeEndMs),
  };
};
