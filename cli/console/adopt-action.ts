/** The action of the workbench that stores plain values, as `dsvault env adopt` does. */
import * as v from 'valibot';
import { isSecretName } from '../../functions/model/types.ts';
import { storeValues } from '../files/adopted-values.ts';
import type { Client } from '../requests/vault-client.ts';
import { actionFor, answerOf } from './action-answers.ts';
import type { ConsoleClient } from './console-client.ts';
import type { AdoptReply } from './page-documents.ts';
import type { Action } from './server.ts';

const position = v.pipe(v.number(), v.integer(), v.minValue(1));

const values = v.strictObject({
  secrets: v.array(
    v.strictObject({
      name: v.pipe(v.string(), v.check(isSecretName)),
      value: v.string(),
      line: position,
      column: position,
    }),
  ),
  note: v.optional(v.string()),
  dryRun: v.optional(v.literal(true)),
});

export const adoptAction = (client: ConsoleClient): Action =>
  actionFor(values, ({ secrets, note, dryRun }, signal, onSilence) => {
    const asking: Client = (id, asked) =>
      client(id, { ...asked, signal } as typeof asked, onSilence);
    return answerOf(
      async (): Promise<AdoptReply> => ({
        found: await storeValues(asking, secrets, { note, dryRun }),
      }),
    );
  });
