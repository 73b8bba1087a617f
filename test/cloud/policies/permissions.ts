/**
 * Granted and used permissions in the same notation: an IAM action and a resource of the template,
 * for example `dynamodb:Query SecretsTable/index/byTenant`.
 */
import { isDeepStrictEqual } from 'node:util';
import { parseTemplate } from '../../../local/containers/template.ts';
import type { Call, Json } from '../../support/adversary/wire.ts';

export type Permission = string;
/** The permissions by operation, for example `get-secret`. */
export type Permissions = ReadonlyMap<string, ReadonlySet<Permission>>;

type Statement = Readonly<Record<string, unknown>>;
type Resource = { readonly Type: string; readonly Properties?: Json };

const known = new Set(['Effect', 'Action', 'Resource', 'Condition']);

/**
 * The condition under which data keys are granted: they must belong to this vault. The gate checks
 * it for every call.
 */
const ofThisVault = {
  StringEquals: {
    'kms:EncryptionContext:vault': {
      'Fn::If': ['HasVaultId', { Ref: 'VaultId' }, { Ref: 'AWS::StackName' }],
    },
  },
};

const existingTable =
  // biome-ignore lint/suspicious/noTemplateCurlyInString: CloudFormation's own substitution
  'arn:${AWS::Partition}:dynamodb:${AWS::Region}:${AWS::AccountId}:table/${ExistingTable}';

/**
 * Returns the name of a resource of the stack from the forms that the template uses: `!GetAtt
 * MasterKey.Arn` and `!Sub "${SecretsTable.Arn}/index/byTenant"`.
 */
const ownOf = (resource: unknown): string | undefined => {
  const { 'Fn::GetAtt': attribute, 'Fn::Sub': text } = resource as Record<string, string>;
  const [, name, rest = ''] =
    /^(\w+)\.Arn$/.exec(attribute ?? '') ?? /^\$\{(\w+)\.Arn\}(\/[\w/]+)$/.exec(text ?? '') ?? [];
  return name && `${name}${rest}`;
};

/**
 * If the resource of a grant is an existing table or key, returns the name of the resource of the
 * stack that it replaces. Otherwise returns `undefined`.
 */
const existingOf = (resource: unknown): string | undefined => {
  const { Ref: parameter, 'Fn::Sub': text = '' } = resource as Record<string, string>;
  if (parameter === 'ExistingKeyArn') return 'MasterKey';
  return text.startsWith(existingTable) ? text.replace(existingTable, 'SecretsTable') : undefined;
};

/**
 * Returns the resource of a grant. It is a resource of the stack, or the corresponding resource of
 * an existing vault if the stack is over one.
 */
const resourceOf = (resource: unknown): string => {
  const [condition, own, existing] = [(resource as Json)['Fn::If']].flat();
  const name = ownOf(own);
  if (condition === 'IsNewVault' && name !== undefined && existingOf(existing) === name)
    return name;
  throw new Error(`no resource of its own: ${JSON.stringify(resource)}`);
};

const permissionsOf = (statement: Statement): readonly Permission[] => {
  const others = Object.keys(statement).filter((member) => !known.has(member));
  if (statement['Effect'] !== 'Allow' || others.length > 0) {
    throw new Error(`a statement that this does not understand: ${JSON.stringify(statement)}`);
  }
  const resource = resourceOf(statement['Resource']);
  const actions = [statement['Action']].flat().map(String);
  const usesDataKeys = actions.some((action) => /^kms:(?:GenerateDataKey|Decrypt)$/.test(action));
  if (!isDeepStrictEqual(statement['Condition'], usesDataKeys ? ofThisVault : undefined)) {
    throw new Error(`a grant under another condition: ${JSON.stringify(statement)}`);
  }
  return actions.map((action) => `${action} ${resource}`);
};

const grantedTo = ({ Policies = [], Role }: Json): ReadonlySet<Permission> => {
  if (Role !== undefined) throw new Error('a role that is made elsewhere may grant anything');
  return new Set(
    [Policies].flat().flatMap((policy) => {
      // A policy that is only named, such as one of AWS, grants permissions that the template does
      // not list.
      if (typeof policy === 'string' || !Array.isArray((policy as Json)['Statement'])) {
        throw new Error(`a policy without statements: ${JSON.stringify(policy)}`);
      }
      return ((policy as Json)['Statement'] as readonly Statement[]).flatMap(permissionsOf);
    }),
  );
};

/**
 * Returns the permissions that a template grants to each of its functions. Throws if it grants
 * permissions in any other way.
 */
export const grantsOf = (template: string): Permissions => {
  const { Resources, Globals } = parseTemplate(template) as {
    readonly Globals: { readonly Function: Json };
    readonly Resources: Readonly<Record<string, Resource>>;
  };
  const resources = Object.values(Resources);
  const more = resources.find(({ Type }) => Type.startsWith('AWS::IAM::'));
  if (more !== undefined || 'Policies' in Globals.Function || 'Role' in Globals.Function) {
    throw new Error('only the functions themselves may say what they are granted');
  }
  const functions = resources.filter(({ Type }) => Type === 'AWS::Serverless::Function');
  return new Map(
    functions.map(({ Properties = {} }) => [
      String(Properties['Handler']).replace(/\.handler$/, ''),
      grantedTo(Properties),
    ]),
  );
};

/** The id of a vault, and the names of its table and master key. */
export type Named = {
  readonly vaultId: string;
  readonly tableName: string;
  readonly masterKeyId: string;
};

const actionOf: Readonly<Record<string, string>> = {
  Get: 'GetItem',
  Put: 'PutItem',
  Update: 'UpdateItem',
  Delete: 'DeleteItem',
  ConditionCheck: 'ConditionCheckItem',
};

/**
 * Returns the permissions that AWS requires for a call. A transaction requires those of its
 * actions:
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis-iam.html
 */
export const neededFor = ({ service, operation, input }: Call, named: Named): Permission[] => {
  if (service === 'kms') {
    const key = input['KeyId'] === named.masterKeyId ? 'MasterKey' : String(input['KeyId']);
    return [`kms:${operation} ${key}`];
  }
  const tableOf = ({ TableName, IndexName }: Json): string => {
    const table = TableName === named.tableName ? 'SecretsTable' : String(TableName);
    return IndexName === undefined ? table : `${table}/index/${IndexName}`;
  };
  // In a batch, the names of the tables are keys.
  const batch = Object.keys((input['RequestItems'] as Json | undefined) ?? {});
  if (batch.length > 0) {
    return batch.map((TableName) => `dynamodb:${operation} ${tableOf({ TableName })}`);
  }
  const actions = input['TransactItems'] as readonly Readonly<Record<string, Json>>[] | undefined;
  if (actions === undefined) return [`dynamodb:${operation} ${tableOf(input)}`];
  return actions.flatMap((action) =>
    Object.entries(action).map(
      ([kind, part]) => `dynamodb:${actionOf[kind] ?? kind} ${tableOf(part)}`,
    ),
  );
};

type Difference = {
  readonly unused: readonly Permission[];
  readonly missing: readonly Permission[];
};

/**
 * Returns the permissions that a function has but never used, and those that it used but does not
 * have.
 */
export const differenceOf = (
  granted: ReadonlySet<Permission>,
  used: ReadonlySet<Permission>,
): Difference => ({
  unused: [...granted].filter((permission) => !used.has(permission)).sort(),
  missing: [...used].filter((permission) => !granted.has(permission)).sort(),
});
