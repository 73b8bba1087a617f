/** `npm start`: runs the whole vault in one process and one data folder, on http://127.0.0.1:3000. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Option } from '@commander-js/extra-typings';
import { policyVariable } from '../../functions/runtime/config.ts';
import { isLocalIdentity, serveFunctions } from '../gateway/functions.ts';
import { serveMetrics } from '../http/metrics-port.ts';
import { type FollowedPolicy, followPolicyFile } from '../identity/access-policy.ts';
import { openTokenKey } from '../identity/token-key.ts';
import { dataFolderOf, folderSetting, root } from '../process/data-folder.ts';
import { untilSignal } from '../process/ending.ts';
import { keepLog, showHumanLog } from '../process/human-log.ts';
import { openLogFile } from '../process/log-file.ts';
import { readHost, readPort, requireFreePort } from '../process/ports.ts';
import { forgetRunning, rememberRunning } from '../process/process-record.ts';
import { newProgram, runProgram } from '../process/program.ts';
import { readTemplate } from '../template.ts';
import { startServices } from '../vaults/standalone.ts';

/** Longer than any request may last. */
const graceMs = 12_000;
const say = (line: string): void => void process.stdout.write(`${line}\n`);
const report = (line: string): void => void process.stderr.write(`${line}\n`);

const program = newProgram(
  'npm start --',
  'serves a vault on http://127.0.0.1:3000 until Ctrl-C; docs/configuration.md has the variables that it reads',
  ['npm start', 'PORT=3100 VAULT_DATA_DIR=/tmp/a-vault npm start'],
  ['--store dynamodb-local downloads DynamoDB Local into .local/dynamodb-local, once'],
).addOption(
  new Option('--store <name>', 'the embedded store, or another one')
    .choices(['dynoxide', 'dynamodb-local'])
    .default('dynoxide'),
);

/**
 * Prints the ready line and, in the same write so that nobody reads half of it, how to go on. A terminal gets a token
 * and a request to try. Any other output may be kept as a log, so it gets only the command that makes a token.
 */
const greet = async (url: string, folder: string, isLocal: boolean): Promise<void> => {
  const ready = `vault listening on ${url}`;
  if (!isLocal) return say(ready);
  const setting = folderSetting(process.env, folder);
  if (!process.stdout.isTTY) {
    return say(
      `${ready}\na token to try it: ${setting}npm run -s token -- --tenant demo --sub you`,
    );
  }
  const scope = 'secrets:read secrets:write secrets:delete secrets:explain vault:status';
  const key = await openTokenKey(folder);
  const token = await key.issue({ tenant: 'demo', sub: 'you', scope }, 3_600);
  say(`${ready}

A token for tenant demo, good for one hour, and a request to try:

TOKEN=${token}
curl -i -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' \\
  -d '{"name":"DB_PASSWORD","value":"hunter2"}' ${url}/v1/secrets

To look at it in a browser, from a second terminal:

${setting}./cli/dsvault.js login --local
${setting}./cli/dsvault.js console
`);
};

/** Follows the access policy, if there is one. `isLocal`: whether the user has left identity to this machine. */
const beginIdentity = async (folder: string, isLocal: boolean): Promise<FollowedPolicy> => {
  const file = process.env[policyVariable];
  if (!file) return { takesLocalTokens: isLocal, close: () => undefined };
  return followPolicyFile(file, (await openTokenKey(folder)).jwks, report);
};

program.action(async ({ store }) => {
  const port = readPort(3_000);
  const folder = dataFolderOf(process.env);
  // The services set the variables that this reads.
  const isLocal = isLocalIdentity(process.env);
  const { routes, table } = await readTemplate(join(root, 'template.yaml'));
  const signal = untilSignal();
  // A start that cannot serve leaves no folder. An older one may belong to a vault that runs, which says so itself.
  if (!existsSync(folder)) await requireFreePort(readHost(), port);
  const services = await startServices({ root, folder, store, table, report });
  try {
    showHumanLog(process.env);
    // It comes second, so that it sees the lines before they are made short.
    keepLog(openLogFile(join(folder, 'log')).write);
    const { takesLocalTokens, close: endIdentity } = await beginIdentity(folder, isLocal);
    const endMetrics = await serveMetrics(say);
    const gateway = await serveFunctions({ root, routes, port, report });
    const running = { url: gateway.url, takesLocalTokens, ...services.running };
    rememberRunning(folder, running);
    await greet(gateway.url, folder, takesLocalTokens);
    const lost = await Promise.race([signal, services.failed]);
    await gateway.close(graceMs);
    await endMetrics();
    endIdentity();
    forgetRunning(folder);
    if (lost) throw lost;
  } finally {
    await services.close();
  }
});

await runProgram(program);
