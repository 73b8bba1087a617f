/**
 * Checks every call of the vault, whatever its fate. Reads that decide something are consistent,
 * writes are conditional, KMS receives only identifiers, and no request contains plaintext.
 */
import { createHash } from 'node:crypto';
import { findCanaries } from './canaries.ts';
import type { Call, Json } from './wire.ts';

/** Returns a sentence for each rule that the call breaks. */
export type Watch = (call: Call) => readonly string[];

/**
 * Makes a function that checks calls. `canaries` are the forms of the stored values: none of them
 * may appear in a request.
 */
export const watchCalls = (canaries: readonly Uint8Array[] = []): Watch => {
  const tokens = new Map<string, string>();
  return (call) => [
    ...rulesOf(call).flatMap(([holds, rule]) => (holds ? [] : [`${call.operation}: ${rule}`])),
    ...tokenRule(tokens, call),
    ...textsOf(call.input).flatMap((bytes) =>
      findCanaries(bytes, canaries).map(() => `${call.operation}: holds plaintext`),
    ),
  ];
};

type Rule = readonly [holds: boolean, rule: string];

const rulesOf = ({ operation, input }: Call): readonly Rule[] => {
  switch (operation) {
    case 'GetItem':
      return [[isConsistent(input), 'is not read consistently'], countsUnits(input)];
    case 'BatchGetItem':
      return [
        [batchesOf(input).every(isConsistent), 'is not read consistently'],
        countsUnits(input),
      ];
    case 'Query':
      return [
        [
          isConsistent(input) || input['IndexName'] === 'byTenant',
          'is not read consistently, nor the list of names',
        ],
        countsUnits(input),
      ];
    case 'TransactGetItems':
      return [...actionRules(input), countsUnits(input)];
    case 'PutItem':
      return [...guardRules(input), countsUnits(input)];
    case 'TransactWriteItems':
      return [...actionRules(input), ...actionsOf(input).flatMap(guardRules), countsUnits(input)];
    case 'GenerateDataKey':
    case 'Decrypt':
      return kmsRules(input);
    case 'DescribeKey':
    case 'DescribeTable':
      return [];
    default:
      return [[false, 'is no call of the vault']];
  }
};

const batchesOf = (input: Json) => Object.values(input['RequestItems'] as Json) as Json[];
const isConsistent = (input: Json): boolean => input['ConsistentRead'] === true;

const countsUnits = (input: Json): Rule => [
  input['ReturnConsumedCapacity'] === 'TOTAL',
  'does not ask what it cost',
];

/**
 * Returns the rules for one action of a write. Only a put must ask DynamoDB to return the stored
 * item if the condition fails: from it the vault sees whether an earlier attempt was applied. A
 * condition check writes nothing, so its item would not help.
 */
const guardRules = (action: Json): readonly Rule[] => [
  [typeof action['ConditionExpression'] === 'string', 'writes without a condition'],
  [
    !('Item' in action) || action['ReturnValuesOnConditionCheckFailure'] === 'ALL_OLD',
    'does not ask for the stored item',
  ],
];

const actionsOf = (input: Json): readonly Json[] =>
  (input['TransactItems'] as readonly Json[]).flatMap((item) => Object.values(item) as Json[]);

const keyText = ({ Key, Item }: Json): string => {
  const { pk, sk } = (Key ?? Item) as { pk: unknown; sk: unknown };
  return JSON.stringify([pk, sk]);
};

const actionRules = (input: Json): readonly Rule[] => {
  const actions = actionsOf(input);
  const keys = new Set(actions.map(keyText));
  return [
    [keys.size === actions.length, 'names an item twice'],
    [actions.length >= 1 && actions.length <= 100, 'has more actions than a transaction holds'],
  ];
};

const kmsRules = ({ KeyId, EncryptionContext }: Json): readonly Rule[] => [
  [typeof KeyId === 'string' && KeyId !== '', 'does not name the master key'],
  [
    Object.keys((EncryptionContext ?? {}) as Json)
      .sort()
      .join() === 'name,tenant,vault',
    'is bound to other than vault, tenant and name',
  ],
];

/** Checks that a token belongs to one request: DynamoDB refuses it with any other content. */
const tokenRule = (tokens: Map<string, string>, { operation, input }: Call): readonly string[] => {
  if (operation !== 'TransactWriteItems') return [];
  const token = String(input['ClientRequestToken']);
  const text = JSON.stringify(input['TransactItems']);
  const content = createHash('sha256').update(text).digest('base64');
  const known = tokens.get(token) ?? content;
  tokens.set(token, content);
  return known === content ? [] : [`${operation}: has the token of another request`];
};

/** Returns every string of a request, as it is and decoded from base64. */
const textsOf = (value: unknown): readonly Buffer[] => {
  if (typeof value === 'string') return [Buffer.from(value), Buffer.from(value, 'base64')];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, member]) => [Buffer.from(key), ...textsOf(member)]);
};
