/**
 * `dsvault policy` checks an access policy, and shows what it makes of a token, without a vault.
 */
import { claimAt } from '../../functions/access/claims.ts';
import { parsePolicy, type ReadPolicy } from '../../functions/access/policy-file.ts';
import type { IssuerPolicy } from '../../functions/access/policy-types.ts';
import { createDecider, type Decision, type Refusal } from '../../functions/access/rules.ts';
import { limits } from '../../functions/model/limits.ts';
import { exitCodes, failure } from '../../system/failures.ts';
import { note, noteLine, printJson, printTable, wantsJson } from '../output/output.ts';
import { claimsOf, isJwt, parseClaims } from '../requests/token.ts';
import { readText } from '../values/read-value.ts';
import { newCommand, offlineCommand } from './command-line.ts';

export const policyCommand = () =>
  newCommand(
    'policy',
    'access policies: which tokens the vault accepts, and what they allow',
    'dsvault policy check access.yaml',
    'dsvault policy test access.yaml --token-file token',
  )
    .addCommand(checkCommand())
    .addCommand(testCommand());

const checkCommand = () =>
  offlineCommand('check', 'check a policy as the vault does', 'dsvault policy check access.yaml')
    .argument('<file>', 'the policy; - is stdin')
    .action(async (file, { json }) => {
      const { policy, warnings } = await readPolicy(file);
      if (json) return await printJson({ issuers: policy.issuers.map(({ id }) => id), warnings });
      for (const warning of warnings) noteLine(`${file}: ${warning}`);
      note(`${file}: no errors; issuers: ${policy.issuers.map(({ id }) => id).join(', ')}`);
    });

const testCommand = () =>
  offlineCommand(
    'test',
    'show which rule decides about a token, and why earlier rules do not',
    'dsvault policy test access.yaml --token-file token',
    'dsvault policy test access.yaml --token-file claims.json',
    'kubectl create token ci | dsvault policy test access.yaml --token-file -',
  )
    .argument('<file>', 'the policy')
    .requiredOption(
      '--token-file <file>',
      'the token, or its claims as JSON; - is stdin. No signature is checked',
    )
    .action(async (file, { tokenFile, json }) => {
      const { policy } = await readPolicy(file);
      const claims = claimsIn((await readText(tokenFile, 'the file of --token-file')).trim());
      if (claims === undefined) {
        throw failure('--token-file holds neither a token nor claims as JSON', { kind: 'denied' });
      }
      const issuer = policy.issuers.find((one) => one.issuer === claims['iss']);
      if (issuer === undefined) throw unknownIssuer(file, claims['iss'], policy.issuers);
      const decision = createDecider(issuer)(claims);
      if (json) await printJson({ issuer: issuer.id, ...decision });
      else await printTable(['WHAT', 'VALUE'], rowsOf(issuer, claims, decision));
      if (hasExpired(claims)) note('the token has expired, so the vault refuses it anyway');
      if (!('granted' in decision)) process.exitCode = exitCodes.denied;
    });

/**
 * The claims of a token. A file with only the claims works, too, so that a rule can be tried before
 * there is a token.
 */
const claimsIn = (text: string) => {
  if (text.startsWith('{')) return parseClaims(text);
  return isJwt(text) ? claimsOf(text) : undefined;
};

/**
 * An issuer with `localKey: true` has the keys of the machine on which the policy will be used.
 * They do not matter here, because no signature is checked.
 */
const anyKeys = { keys: [] };

const readPolicy = async (file: string): Promise<ReadPolicy> => {
  const text = await readText(file);
  try {
    return parsePolicy(text, anyKeys);
  } catch (error) {
    const faults = error instanceof Error ? error.message.split('\n') : [];
    if (!wantsJson()) for (const fault of faults) noteLine(`${file}: ${fault}`);
    throw failure(wantsJson() ? faults.join('; ') : `${file} is not a policy`, {
      kind: 'invalidFile',
      cause: error,
    });
  }
};

const unknownIssuer = (file: string, iss: unknown, issuers: readonly IssuerPolicy[]) => {
  const known = issuers.map(({ issuer }) => issuer).join(', ');
  return failure(`${file} has no issuer ${JSON.stringify(iss)}, only ${known}`, { kind: 'denied' });
};

const hasExpired = ({ exp }: Readonly<Record<string, unknown>>): boolean =>
  typeof exp === 'number' && exp * 1_000 < Date.now();

const rowsOf = (
  issuer: IssuerPolicy,
  claims: Readonly<Record<string, unknown>>,
  decision: Decision,
): string[][] => {
  const rules = 'rules' in issuer ? issuer.rules : [];
  const passed = decision.mismatches.map(({ rule, claim }) => {
    const [asked, found] = [rules[rule - 1]?.match[claim], claimAt(claims, claim)];
    const told = found === undefined ? 'is missing' : `is ${JSON.stringify(found)}`;
    return [`rule ${rule}`, `does not match: ${claim} ${told}, not ${JSON.stringify(asked)}`];
  });
  const rows = [['issuer', issuer.id], ...passed];
  if (!('granted' in decision)) return [...rows, ['refused', sentenceOf(decision.refusal)]];
  const { rule, tenant, subject, scopes, names } = decision.granted;
  return [
    ...rows,
    ...(rule === undefined ? [] : [[`rule ${rule}`, 'matches']]),
    ['tenant', tenant],
    ['subject', subject],
    ['scopes', scopes.join(' ')],
    ['names', names?.join(' ') ?? '*'],
  ];
};

const sentenceOf = (refusal: Refusal): string => {
  switch (refusal.because) {
    case 'audience':
      return 'its audience is not one of the issuer in the policy';
    case 'several_audiences':
      return 'it has several audiences, and the issuer has no sharedAudience';
    case 'denied':
      return `the deny-list has its ${refusal.by === 'before' ? 'time of issue' : refusal.by}`;
    case 'no_rule':
      return 'no rule matches';
    case 'too_many_values':
      return `its claim ${refusal.claim} has more than ${limits.claimValuesMax} values`;
    case 'too_many_comparisons':
      return `comparing its claims with all rules takes more than ${limits.claimComparisonsMax} comparisons`;
    case 'unfit':
      return refusal.claim === undefined
        ? `its claims do not form a valid ${refusal.part}`
        : `its claim ${refusal.claim} cannot be part of a valid ${refusal.part}`;
  }
};
