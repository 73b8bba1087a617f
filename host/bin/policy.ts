/**
 * `npm run policy -- bundle access.yaml` checks an access policy, and puts it next to the functions
 * that sam has built.
 */
import { Argument } from '@commander-js/extra-typings';
import { readPolicyFile } from '../identity/access-policy.ts';
import { bundlePolicy } from '../identity/policy-bundle.ts';
import { root } from '../process/data-folder.ts';
import { newProgram, runProgram, say } from '../process/program.ts';

const program = newProgram(
  'npm run policy --',
  'checks an access policy, and puts it next to the functions that sam build has built',
  ['npm run -s policy -- bundle access.yaml'],
)
  .addArgument(
    new Argument('<action>', 'run it after sam build and before sam deploy').choices(['bundle']),
  )
  .argument('<file>', 'the access policy');

program.action(async (_, file) => {
  const { policy, warnings } = readPolicyFile(file);
  for (const warning of warnings) process.stderr.write(`${file}: ${warning}\n`);
  const count = bundlePolicy(root, policy);
  say(
    `${file} is beside ${count} functions: run sam deploy, with the parameters AuthIssuer, AuthAudience, AuthJwks and ` +
      'AuthJwksUrl empty',
  );
});

await runProgram(program);
