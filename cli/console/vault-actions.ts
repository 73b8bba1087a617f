/** The actions that call the vault's operations, through the client of the command line. */
import * as v from 'valibot';
import { operations } from '../../client/operations.ts';
import type { OperationId } from '../../client/types.ts';
import { isSecretName } from '../../functions/model/types.ts';
import type { Settings } from '../requests/settings.ts';
import { actionFor, answerOf } from './action-answers.ts';
import type { ConsoleClient } from './console-client.ts';
import type { Action, Answer } from './server.ts';

/**
 * What the page may send for an operation. The name is validated because an unchecked name could
 * lead to another route of the vault.
 */
const operationRequest = v.strictObject({
  name: v.optional(v.pipe(v.string(), v.check(isSecretName))),
  version: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1))),
  idempotencyKey: v.optional(v.pipe(v.string(), v.uuid())),
  ifVersion: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1))),
  query: v.optional(v.record(v.string(), v.union([v.string(), v.number()]))),
  body: v.optional(v.unknown()),
});

/** All operations of the vault by name, and `vault`, which returns the profile and its address. */
export const vaultActions = (
  client: ConsoleClient,
  vault: Pick<Settings, 'profile' | 'addr'>,
): ReadonlyMap<string, Action> => {
  const call = (id: OperationId): Action =>
    actionFor(
      operationRequest,
      (input, signal, onSilence) => {
        const request = { ...input, signal } as Parameters<ConsoleClient>[1];
        return answerOf(() => client(id, request, onSilence));
      },
      noName,
    );
  return new Map<string, Action>([
    ['vault', async () => ({ status: 200, body: vault })],
    ...(Object.keys(operations) as OperationId[]).map((id) => [id, call(id)] as const),
  ]);
};

const noName: Answer = {
  status: 400,
  body: { code: 'invalid_request', detail: 'this is not a valid name for a secret' },
};
