/**
 * A node dies before or after any of its calls to etcd for an operation, or the connection to etcd loses any reply. The
 * points are counted from the calls of an undisturbed run, so a new call is covered without a change here.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { KMSClient } from '@aws-sdk/client-kms';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createDataKeys } from '../../functions/kms/data-keys.ts';
import type { Principal } from '../../functions/model/types.ts';
import type { Ports } from '../../functions/vault/request.ts';
import { ensureTable } from '../../local/dynamodb/table.ts';
import type { EtcdClient } from '../../local/etcd/client.ts';
import { createFront } from '../../local/etcd/front.ts';
import { createTransport } from '../../local/host/in-process.ts';
import { readTemplate } from '../../local/host/template.ts';
import { type Kms, startKms } from '../../local/kms/server.ts';
import { effectsOf } from '../support/effects.ts';
import { storeOver, tableName } from '../support/embedded.ts';
import { crashAtCall, interceptCalls, loseReplyOf } from '../support/etcd-crash.ts';
import { type EtcdFront, startEtcdFront } from '../support/etcd-front.ts';
import { printFigure } from '../support/figure.ts';
import { type Operation, type Run, readers, writers } from '../support/operations.ts';
import { codeOf } from '../support/refusals.ts';
import { requestContext, someone } from '../support/requests.ts';
import { historyOf } from '../support/secrets.ts';

const keyed = [undefined, 'k'.repeat(20)];

let folder: string;
let etcdFront: EtcdFront;
let kmsServer: Kms;
let kms: KMSClient;
/** The ports of an undisturbed node. */
let ports: Ports;
const points = { crashes: 0, lost: 0 };

const clientOf = (etcd: EtcdClient): DynamoDBClient => {
  const front = createFront({
    client: etcd,
    timeToLiveAttribute: 'expiresAt',
    onGoneBack: (sentence) => {
      throw new Error(sentence);
    },
  });
  return new DynamoDBClient({
    region: 'us-east-1',
    credentials: { accessKeyId: 'none', secretAccessKey: 'none' },
    maxAttempts: 1,
    endpoint: 'http://front',
    requestHandler: createTransport(front),
  });
};
/** The ports of another node, whose front has no state yet. */
const portsOver = (etcd: EtcdClient): Ports => ({ ...ports, store: storeOver(clientOf(etcd)) });

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'vault-'));
  etcdFront = await startEtcdFront();
  kmsServer = await startKms({ folder });
  const { endpoint, credentials, keyArn } = kmsServer;
  kms = new KMSClient({ region: 'us-east-1', endpoint, credentials, maxAttempts: 1 });
  const dynamodb = clientOf(etcdFront.etcd);
  await ensureTable(dynamodb, tableName, (await readTemplate('template.yaml')).table);
  ports = { store: storeOver(dynamodb), dataKeys: createDataKeys(kms, keyArn) };
});
afterAll(async () => {
  printFigure(
    'crash points at etcd',
    `${points.crashes} crashes and ${points.lost} lost replies, every call of ${
      writers.length * 2 + readers.length
    } operations: 0 lost acknowledged writes, 0 second versions`,
  );
  kms.destroy();
  await etcdFront.close();
  await kmsServer.close();
  rmSync(folder, { recursive: true });
});

const prepared = async ({ prepare }: Operation): Promise<Principal> => {
  const principal = someone();
  await prepare(ports, principal);
  return principal;
};
/** The calls to etcd of an undisturbed run. */
const callsOf = async (operation: Operation, run: Run): Promise<number> => {
  let calls = 0;
  const counted = interceptCalls(etcdFront.etcd, (send) => {
    calls += 1;
    return send();
  });
  await run(portsOver(counted), requestContext(), await prepared(operation));
  return calls;
};
/** Sends the same request again on another node. */
const repeated = async (run: Run, principal: Principal) => {
  try {
    return await run(ports, requestContext(), principal);
  } catch (error) {
    return await codeOf(() => Promise.reject(error));
  }
};
/** Runs until the node dies at this call. */
const crash = async (run: Run, principal: Principal, index: number, when: 'before' | 'after') => {
  const { etcd, happened } = crashAtCall(etcdFront.etcd, index, when);
  await Promise.race([run(portsOver(etcd), requestContext(), principal), happened]);
  points.crashes += 1;
};

describe.each(writers)('$name', (operation) => {
  describe.each(keyed)('with the key %s', (key) => {
    const run = operation.run(key);
    const repetition = key === undefined ? ['secret_exists', 'version_conflict'] : [];

    it.each(['before', 'after'] as const)(
      'has one effect after a repeat, whichever call to etcd the node died %s',
      async (when) => {
        const calls = await callsOf(operation, run);
        for (let index = 0; index < calls; index += 1) {
          const principal = await prepared(operation);
          await crash(run, principal, index, when);
          const before = await effectsOf(ports, principal, operation);
          expect([[0], [1]]).toContainEqual(before);
          const again = await repeated(run, principal);
          const point = `call ${index + 1} of ${calls}: ${before} effects, then ${JSON.stringify(again)}`;
          if (typeof again === 'string') {
            expect([point, repetition]).toEqual([point, expect.arrayContaining([again])]);
            expect([point, before]).toEqual([point, [1]]);
          } else {
            expect([point, again.written]).toEqual([point, operation.writes]);
            expect([point, again.replayed]).toEqual([point, before[0] === 1]);
          }
          expect(await effectsOf(ports, principal, operation)).toEqual([1]);
        }
      },
    );

    it('has one effect and reports it, whichever reply of etcd is lost', async () => {
      const calls = await callsOf(operation, run);
      for (let index = 0; index < calls; index += 1) {
        const principal = await prepared(operation);
        const losing = portsOver(loseReplyOf(etcdFront.etcd, index));
        const answer = await run(losing, requestContext(), principal);
        expect([answer.written, answer.replayed]).toEqual([operation.writes, false]);
        expect(await effectsOf(ports, principal, operation)).toEqual([1]);
        points.lost += 1;
      }
    });
  });
});

describe.each(readers)('$name', (operation) => {
  const run = operation.run();
  it('changes nothing and answers a repeat, wherever the node died', async () => {
    const calls = await callsOf(operation, run);
    const principal = await prepared(operation);
    const history = await historyOf(ports, principal, 'OLD_P');
    const told = await run(ports, requestContext(), principal);
    for (const when of ['before', 'after'] as const) {
      for (let index = 0; index < calls; index += 1) {
        await crash(run, principal, index, when);
        expect(await repeated(run, principal)).toEqual(told);
      }
    }
    expect(await historyOf(ports, principal, 'OLD_P')).toEqual(history);
  });
});
