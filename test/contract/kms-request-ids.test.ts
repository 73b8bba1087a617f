/**
 * KMS gives each call a request id, which its audit log uses. The vault logs it so that both logs
 * can be matched.
 */
import { randomUUID } from 'node:crypto';
import { KMSClient } from '@aws-sdk/client-kms';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { MetadataBearer } from '@smithy/types';
import { createDataKeys } from '../../functions/kms/data-keys.ts';
import { createKmsKey } from '../../functions/kms/kms-key.ts';
import type { DataKeys } from '../../functions/vault/ports.ts';
import { createKeptLog } from '../support/kept-log.ts';
import { type KmsServer, startKms } from '../support/kms-server.ts';
import { freshFolder } from '../support/local-process.ts';
import { requestContext, someone } from '../support/requests.ts';

let server: KmsServer;
let client: KMSClient;
beforeAll(async () => {
  server = await startKms({ folder: freshFolder() });
  const { endpoint, credentials } = server;
  client = new KMSClient({ region: 'us-east-1', endpoint, credentials, maxAttempts: 1 });
});
afterAll(async () => {
  client.destroy();
  await server.close();
});

/** A client, and the ids of the calls that it has made. */
const noting = () => {
  const ids: string[] = [];
  const send = client.send.bind(client) as (...call: unknown[]) => Promise<MetadataBearer>;
  const note = (reply: MetadataBearer) => ids.push(reply.$metadata.requestId ?? '');
  const sendNoting = (...call: unknown[]) => {
    const sent = send(...call);
    void sent.then(note, note);
    return sent;
  };
  return { ids, noted: Object.assign(Object.create(client), { send: sendNoting }) as KMSClient };
};

describe('the id of a call to KMS', () => {
  // Shows G14.
  it('appears only in the log line of its request, even if KMS refused the call', async () => {
    const { ids, noted } = noting();
    const keys = createDataKeys(createKmsKey(noted, server.keyArn));
    const bound = { vault: 'v', tenant: 't1', name: 'DB_PASSWORD' };
    const log = createKeptLog();
    const ask = async (work: (its: DataKeys) => Promise<unknown>) => {
      const journal = log.openJournal('get-secret', randomUUID());
      const error = await work(keys.for({ ...requestContext(), journal })).then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
      await journal.close({ principal: someone(), status: 200, error, elapsedMs: 1 });
    };
    const { wrapped } = await createDataKeys(createKmsKey(client, server.keyArn))
      .for(requestContext())
      .generate(bound);
    const unwrap = (its: DataKeys) => its.unwrap(bound, wrapped);
    await Promise.all([
      ask(unwrap),
      ask((its) => Promise.all([unwrap(its), unwrap(its)])),
      ask((its) => its.generate(bound)),
      ask((its) => its.probe()),
      ask((its) => its.unwrap({ ...bound, name: 'OTHER' }, wrapped)),
    ]);
    const requests = log.lines().filter(({ message }) => message === 'request');
    const listed = requests.map(({ kmsRequestIds }) => kmsRequestIds as string[]);
    expect(listed.map(({ length }) => length).sort()).toEqual([1, 1, 1, 1, 2]);
    expect(new Set(ids).size).toBe(6);
    expect(listed.flat().sort()).toEqual([...ids].sort());
  });
});
