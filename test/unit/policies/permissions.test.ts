import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { differenceOf, grantsOf, neededFor } from '../../cloud/policies/permissions.ts';
import { callOf, type Json } from '../../support/adversary/wire.ts';
import { perRoute } from '../../support/routes.ts';

const template = readFileSync('template.yaml', 'utf8');
const named = { vaultId: 'v', tableName: 'vault-1', masterKeyId: 'arn:key' };
const needed = (target: string, input: Json) =>
  neededFor(callOf('/', { 'X-Amz-Target': target }, JSON.stringify(input)), named);

/** Returns the template with the first occurrence of `from` replaced. */
const withChange = (from: string, to: string): string => {
  const parts = template.split(from);
  expect(parts.length).toBeGreaterThan(1);
  return `${parts[0]}${to}${parts.slice(1).join(from)}`;
};

describe('grantsOf', () => {
  it('returns what each function may do, by action and resource', () => {
    const granted = Object.entries(perRoute).map(
      ([id, { grants }]) => [id, new Set(grants)] as const,
    );
    expect(grantsOf(template)).toEqual(new Map(granted));
  });

  const seen = grantsOf(template).get('list-secrets') ?? new Set();
  const query = 'Action: ["dynamodb:Query"]';
  /** A resource as the template writes it. `part` is appended to the ARN of the table. */
  const tableResource = (part: string, existing = part) => {
    // biome-ignore-start lint/suspicious/noTemplateCurlyInString: CloudFormation's own substitution
    const own = part === '' ? '!GetAtt SecretsTable.Arn' : `!Sub "${'${SecretsTable.Arn}'}${part}"`;
    const arn =
      'arn:${AWS::Partition}:dynamodb:${AWS::Region}:${AWS::AccountId}:table/${ExistingTable}';
    // biome-ignore-end lint/suspicious/noTemplateCurlyInString: CloudFormation's own substitution
    return `Resource: !If [IsNewVault, ${own}, !Sub "${arn}${existing}"]`;
  };
  const index = tableResource('/index/byTenant');

  it('returns grants among which an added action is unused, and a changed resource is unused and missing', () => {
    const differenceIn = (changed: string) =>
      differenceOf(grantsOf(changed).get('list-secrets') ?? new Set(), seen);
    const more = withChange(query, 'Action: ["dynamodb:Query", "dynamodb:Scan"]');
    const added = ['dynamodb:Scan SecretsTable/index/byTenant'];
    expect(differenceIn(more)).toEqual({ unused: added, missing: [] });
    const other = withChange(index, tableResource(''));
    expect(differenceIn(other)).toEqual({
      unused: ['dynamodb:Query SecretsTable'],
      missing: ['dynamodb:Query SecretsTable/index/byTenant'],
    });
  });

  const [outputs, memory] = ['\nOutputs:\n', '    MemorySize: 512\n'];
  const list = '      Policies:\n        - Version: "2012-10-17"\n';
  it.each([
    [
      'a policy by its name',
      list,
      list.replace('        -', '        - AmazonDynamoDB\n        -'),
    ],
    ['a role made elsewhere', list, `      Role: arn:aws:iam::1:role/any\n${list}`],
    ['a wildcard for a resource', index, 'Resource: "*"'],
    ['a resource that is not its own', index, tableResource('/*')],
    ['more of an existing table than of its own', index, tableResource('/index/byTenant', '')],
    ['all but some actions', query, 'NotAction: ["dynamodb:Query"]'],
    ['a grant with a condition', query, `${query}\n              Condition: {}`],
    ['a policy outside the functions', outputs, `\n  More: { Type: AWS::IAM::Policy }\n${outputs}`],
    ['a policy of all functions', memory, `${memory}    Policies: []\n`],
  ])('throws for %s', (_, from, to) => {
    expect(() => grantsOf(withChange(from, to))).toThrow();
  });
});

describe('the permissions that a call needs', () => {
  it('are for its action on the table, the index or the key that it names', () => {
    const table = { TableName: 'vault-1' };
    expect(needed('DynamoDB_20120810.Query', table)).toEqual(['dynamodb:Query SecretsTable']);
    const ofIndex = needed('DynamoDB_20120810.Query', { ...table, IndexName: 'byTenant' });
    expect(ofIndex).toEqual(['dynamodb:Query SecretsTable/index/byTenant']);
    expect(needed('TrentService.Decrypt', { KeyId: 'arn:key' })).toEqual(['kms:Decrypt MasterKey']);
  });

  it('are for a foreign resource if the call names one', () => {
    const table = { TableName: 'other' };
    expect(needed('DynamoDB_20120810.GetItem', table)).toEqual(['dynamodb:GetItem other']);
    const ofKey = needed('TrentService.Decrypt', { KeyId: 'arn:other' });
    expect(ofKey).toEqual(['kms:Decrypt arn:other']);
  });

  it('include those of each action of a transaction', () => {
    const of = { TableName: 'vault-1' };
    const TransactItems = [{ Put: of }, { ConditionCheck: of }, { Update: of }, { Delete: of }];
    expect(needed('DynamoDB_20120810.TransactWriteItems', { TransactItems })).toEqual([
      'dynamodb:PutItem SecretsTable',
      'dynamodb:ConditionCheckItem SecretsTable',
      'dynamodb:UpdateItem SecretsTable',
      'dynamodb:DeleteItem SecretsTable',
    ]);
    const reads = { TransactItems: [{ Get: of }] };
    const ofReads = needed('DynamoDB_20120810.TransactGetItems', reads);
    expect(ofReads).toEqual(['dynamodb:GetItem SecretsTable']);
  });

  it('include one for each table of a batch', () => {
    const batch = { RequestItems: { 'vault-1': { Keys: [] }, other: { Keys: [] } } };
    expect(needed('DynamoDB_20120810.BatchGetItem', batch)).toEqual([
      'dynamodb:BatchGetItem SecretsTable',
      'dynamodb:BatchGetItem other',
    ]);
  });
});
