import { createSecretKey, randomBytes, randomUUID } from 'node:crypto';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { issuerIn } from '../../../../functions/access/issuer-variables.ts';
import type { Api } from '../../../../functions/api.ts';
import { createIdentity } from '../../../../functions/http/identity.ts';
import { machineClock } from '../../../../functions/runtime/clock.ts';
import { createHostApi } from '../../../../host/gateway/host-api.ts';
import { createFileKey } from '../../../../host/kms/file-key.ts';
import { storeFile } from '../../../../host/sqlite/database.ts';
import { openSqliteStore, type SqliteStore } from '../../../../host/sqlite/sqlite-store.ts';
import { requestWith } from '../../../support/events.ts';
import { ed25519, keySet, publicJwk, signToken } from '../../../support/issuer.ts';
import { createKeptLog, type KeptLog } from '../../../support/kept-log.ts';
import { freshFolder } from '../../../support/local-process.ts';

const signer = ed25519();
const token = signToken(
  { alg: 'EdDSA' },
  {
    ...{ iss: 'urn:test', aud: 'vault', exp: Math.floor(Date.now() / 1_000) + 600 },
    ...{ tenant: 'acme', sub: 'alice', scope: 'secrets:read secrets:write vault:status' },
  },
  signer,
);

const identityOfTest = () => {
  const identity = createIdentity(machineClock);
  const AUTH_JWKS = keySet(publicJwk(signer));
  const variables = { AUTH_ISSUER: 'urn:test', AUTH_AUDIENCE: 'vault', AUTH_JWKS };
  identity.use(issuerIn(variables), 'variables');
  return identity;
};

const keyOfTest = () => {
  const keyId = randomUUID();
  const secret = createSecretKey(randomBytes(32));
  const arn = `arn:aws:kms:us-east-1:000000000000:key/${keyId}`;
  return createFileKey({ arn, read: () => ({ keyId, secret, state: 'Enabled' }) });
};

/** Sends a request with the token, and returns its status and its body. */
const sendTo =
  (api: Api) =>
  async (method: string, path: string, content?: object): Promise<[number, object]> => {
    const found = api.find(method, path);
    if (found === undefined || 'allow' in found) throw new Error(`${path} is not a route`);
    const headers = { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' };
    const body = content === undefined ? null : JSON.stringify(content);
    const reply = await api.handle(found, requestWith(headers, { path, body }));
    return [reply.status, JSON.parse(reply.body)];
  };

describe('the API of a host', () => {
  const kept = { ...process.env };
  let folder: string;
  let table: SqliteStore;
  let log: KeptLog;
  let reported: string[];
  let send: ReturnType<typeof sendTo>;
  beforeEach(() => {
    process.env = { PATH: kept['PATH'] };
    folder = freshFolder();
    table = openSqliteStore(join(folder, storeFile), 'serve');
    [log, reported] = [createKeptLog(), []];
    const api = createHostApi({
      ...{ vaultId: 'vault-1', itemsOf: table.itemsOf, masterKey: keyOfTest(), log },
      ...{ identity: identityOfTest(), node: () => ({ name: 'node-1' }) },
      report: (line) => void reported.push(line),
    });
    send = sendTo(api);
  });
  afterEach(async () => {
    process.env = kept;
    await table.close();
    rmSync(folder, { recursive: true });
  });

  it('uses the store, the key, the identity and the log of the host, and no setting of AWS', async () => {
    const [created] = await send('POST', '/v1/secrets', { name: 'A', value: 'secret' });
    expect(created).toBe(201);
    expect(await send('GET', '/v1/secrets/A')).toEqual([
      200,
      expect.objectContaining({ name: 'A', version: 1, value: 'secret' }),
    ]);
    expect(await send('GET', '/v1/status')).toMatchObject([
      200,
      { status: 'ok', policy: { source: 'variables' }, node: { name: 'node-1' } },
    ]);
    expect(log.lines().map(({ operation, status }) => [operation, status])).toEqual([
      ['create-secret', 201],
      ['get-secret', 200],
      ['get-status', 200],
    ]);
    for (const line of log.lines()) expect(line).not.toHaveProperty('_aws');
    expect(reported).toEqual([]);
    const { value: page } = await table.pages().next();
    expect(page).toContainEqual(
      expect.objectContaining({ vault: { S: 'vault-1' }, tenant: { S: 'acme' } }),
    );
  });

  it('lets the writers of one secret wait for each other, so that none loses a race', async () => {
    await send('POST', '/v1/secrets', { name: 'A', value: 'first' });
    const updates = Array.from({ length: 8 }, (_, index) => [
      send('PUT', '/v1/secrets/A', { value: `value ${index}` }),
      send('POST', '/v1/secrets/A/copies', { from: { version: 1 } }),
    ]);
    const replies = await Promise.all(updates.flat());
    expect(replies.map(([status]) => status)).toEqual(Array(16).fill(200));
    const decided = log.lines().map(({ decisions }) => JSON.stringify(decisions));
    expect(decided.join()).not.toContain('lost_race');
  });
});
