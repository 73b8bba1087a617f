/** A request that runs out of time names the service that was slow; on the embedded store and KMS. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Principal } from '../../functions/model/types.ts';
import { machineClock } from '../../functions/runtime/machine.ts';
import { expandEnv } from '../../functions/vault/env-file.ts';
import { getSecret } from '../../functions/vault/get-secret.ts';
import { listVersions } from '../../functions/vault/list-versions.ts';
import type { Clock, RequestContext } from '../../functions/vault/request.ts';
import { updateSecret } from '../../functions/vault/update-secret.ts';
import { startUnchecked } from '../support/embedded.ts';
import { file } from '../support/env-vault.ts';
import { codeOf } from '../support/refusals.ts';
import { bytes, requestContext, someone } from '../support/requests.ts';
import { makeSecret } from '../support/secrets.ts';

let vault: Awaited<ReturnType<typeof startUnchecked>>;
let alice: Principal;
beforeAll(async () => {
  vault = await startUnchecked();
  alice = someone();
  await makeSecret(vault.ports, alice, 'HOT', ['one', 'two']);
});
afterAll(() => vault.close());

describe('a store that hangs until no KMS call may begin', () => {
  // Time runs four times as fast for the requests and the limits of their calls.
  const speed = 4;
  const clock: Clock = {
    ...machineClock,
    elapsed: () => machineClock.elapsed() * speed,
    sleep: (ms) => machineClock.sleep(ms / speed),
    signalAfter: (ms) => machineClock.signalAfter(ms / speed),
  };
  const page = { name: 'HOT', order: 'desc', limit: 10, after: undefined } as const;
  type Read = (context: RequestContext) => Promise<unknown>;
  const reads: readonly (readonly [string, Read])[] = [
    ['get', (of) => getSecret(vault.ports)(of, alice, { name: 'HOT', which: 'latest' })],
    ['list', (of) => listVersions(vault.ports)(of, alice, { ...page, includeValues: true })],
    ['expand', (of) => expandEnv(vault.ports)(of, alice, file('A=secret(HOT)\n'))],
  ];

  // Shows G9.
  it('makes get, list and expand answer store_unavailable, without a KMS call or a key fault', async () => {
    const { pid } = JSON.parse(await readFile(join(vault.folder, 'store.pid'), 'utf8'));
    const contexts = reads.map(() => requestContext({ clock }));
    process.kill(pid, 'SIGSTOP');
    const answers = reads.map(([operation, read], index) =>
      codeOf(() => read(contexts[index] as RequestContext)).then((code) => [operation, code]),
    );
    await sleep(7_250 / speed);
    process.kill(pid, 'SIGCONT');
    expect(await Promise.all(answers)).toEqual(
      reads.map(([operation]) => [operation, 'store_unavailable']),
    );
    for (const { journal } of contexts) {
      expect([journal.kmsCalls, journal.decisions]).toEqual([[], []]);
    }
    for (const [, read] of reads) await read(requestContext());
  });
});

describe('more concurrent updates of one secret than time allows', () => {
  it('are stored or throttled without a key fault', async () => {
    // Time runs so fast that each request spends most of it waiting for the updates before it.
    const clock: Clock = { ...machineClock, elapsed: () => machineClock.elapsed() * 50 };
    const update = updateSecret(vault.ports);
    const request = { name: 'HOT', value: bytes('x'), ifMatch: undefined, fingerprint: undefined };
    const contexts = Array.from({ length: 400 }, () => requestContext({ clock }));
    const fates = await Promise.allSettled(contexts.map((of) => update(of, alice, request)));
    const codes = fates.map((fate) => (fate.status === 'fulfilled' ? 'stored' : fate.reason.code));
    expect(new Set(codes)).toEqual(new Set(['stored', 'throttled']));
    const decisions = contexts.flatMap(({ journal }) => journal.decisions);
    expect(new Set(decisions.map(({ decision }) => decision))).toEqual(
      new Set(['version_written']),
    );
  });
});
