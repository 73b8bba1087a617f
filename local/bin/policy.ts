/** `npm run policy -- bundle access.yaml`: puts an access policy beside the functions that sam has built. */
import { bundlePolicy } from '../containers/policy-bundle.ts';
import { readPolicyFile } from '../identity/access-policy.ts';
import { root } from '../process/data-folder.ts';
import { runProgram, unknownWords } from '../process/program.ts';

const commandLine = {
  name: 'npm run policy',
  does: 'checks an access policy, and puts it beside the functions that sam build has made',
  forms: [['bundle FILE', 'run it after sam build and before sam deploy']],
  takesWords: true,
  examples: ['npm run -s policy -- bundle access.yaml'],
} as const;

const say = (line: string): void => void process.stdout.write(`${line}\n`);

await runProgram(commandLine, async ({ words }) => {
  const [action, file, ...others] = words;
  if (action !== 'bundle') throw unknownWords(words, 'bundle FILE');
  if (file === undefined || others.length > 0) throw unknownWords(others, 'FILE');
  const { policy, warnings } = readPolicyFile(file);
  for (const warning of warnings) process.stderr.write(`${file}: ${warning}\n`);
  const count = bundlePolicy(root, policy);
  say(
    `${file} is beside ${count} functions: run sam deploy, with the parameters AuthIssuer, AuthAudience, AuthJwks and ` +
      'AuthJwksUrl empty',
  );
});
