/**
 * The findings of checkov in template.yaml that are accepted, each with the reason. `npm run
 * check:template` fails if a finding is not listed here, and if a line here has no finding.
 */
import { operations } from '../../../client/operations.ts';

export type Explanation = {
  /** The id of the check, as checkov names it. */
  readonly check: string;
  readonly resources: readonly string[];
  readonly why: string;
};

/** The names of the operations, as resources of the template have them: `GetSecret`. */
const names = Object.keys(operations).map((operation) =>
  operation.replace(/(?:^|-)([a-z])/g, (_, letter: string) => letter.toUpperCase()),
);
const functions = names.map((name) => `${name}Function`);
const logs = names.map((name) => `${name}Logs`);

export const explanations: readonly Explanation[] = [
  {
    check: 'CKV_AWS_26',
    resources: ['AlarmTopic'],
    why: 'An alarm says which number passed which limit: no name, value or caller. CloudWatch cannot send to a topic under the key that AWS manages, and a key of the account would cost $1 a month and could silence the alarms.',
  },
  {
    check: 'CKV_AWS_115',
    resources: functions.filter((name) => !name.includes('Env')),
    why: 'Reserved concurrency is taken from all else in the account, and what is over it is refused. The gateway limits the rate of each method; the .env functions, of which one request makes up to a hundred calls to KMS, do reserve.',
  },
  {
    check: 'CKV_AWS_116',
    resources: functions,
    why: 'A dead-letter queue takes events of asynchronous invocations. The gateway invokes synchronously and hands every failure to the caller; a queue would keep requests, and with them values.',
  },
  {
    check: 'CKV_AWS_117',
    resources: functions,
    why: 'A function reaches DynamoDB, KMS and the key set of the issuer, all public, over TLS and by IAM, and accepts no connection. In a VPC each would need an endpoint or a NAT gateway, paid by the hour, and could reach more.',
  },
  {
    check: 'CKV_AWS_119',
    resources: ['SecretsTable'],
    why: 'Values are sealed before they are stored, under a data key of each version that the master key wraps; DynamoDB encrypts all of it once more under its own key. A key of the account would need each function to be granted Decrypt on it, which the functions that only write must not have.',
  },
  {
    check: 'CKV_AWS_120',
    resources: ['Api'],
    why: 'A cache of replies would hold values in the clear and answer from the past. Every reply says no-store.',
  },
  {
    check: 'CKV_AWS_158',
    resources: logs,
    why: 'Log lines hold no value, token or key (e2e/logs, proof/canaries), and CloudWatch encrypts them under its own key. A key of the account would let a lost key take the record of what happened with it.',
  },
  {
    check: 'CKV_AWS_173',
    resources: functions,
    why: 'The environment names the table, the master key, the issuer, its audience and its public keys: nothing secret. Lambda encrypts it under its own key.',
  },
  {
    check: 'CKV_AWS_73',
    resources: ['Api'],
    why: 'A trace keeps the path of a request, with the name of the secret in it, in one more service. The one line of each request tells its calls, tries and time.',
  },
  {
    check: 'CKV_AWS_76',
    resources: ['Api'],
    why: 'Access logs need a role that is set for the whole account and Region, which a stack must not do to its neighbours. AccessLog=true adds one where that role is set. Every request that reaches a function has its line, with who asked; what the gateway refuses by itself is counted in its metrics.',
  },
];
