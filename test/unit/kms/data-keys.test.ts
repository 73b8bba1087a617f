import { randomBytes } from 'node:crypto';
import type { KMSClient } from '@aws-sdk/client-kms';
import { describe, expect, it } from '@jest/globals';
import { createDataKeys, createSemaphore } from '../../../functions/kms/data-keys.ts';
import { KeyFault, type KeyService, keyFaults } from '../../../functions/kms/key-service.ts';
import { createKmsKey } from '../../../functions/kms/kms-key.ts';
import type { ErrorCode } from '../../../functions/model/errors.ts';
import { times } from '../../../functions/model/limits.ts';
import { refusalOf } from '../../support/refusals.ts';
import { requestContext } from '../../support/requests.ts';
import { type VirtualClock, virtualClock } from '../../support/virtual-clock.ts';

const masterKeyId = 'arn:aws:kms:eu-central-1:111122223333:alias/vault';
const keyArn = 'arn:aws:kms:eu-central-1:111122223333:key/1234abcd';
const bound = { vault: 'v', tenant: 'acme', name: 'DB_PASSWORD' };
const plaintext = randomBytes(32);
const wrapped = randomBytes(184);
const good = { Plaintext: plaintext, CiphertextBlob: wrapped, KeyId: keyArn };

type Call = { readonly operation: string; readonly input: object; readonly atMs: number };
/** Answers one call to KMS, by returning a reply or by throwing. */
type Answer = (clock: VirtualClock, signal: AbortSignal) => object | Promise<object>;

const faultNamed = (name: string): Error => Object.assign(new Error(`${name}: c4n4ry`), { name });
const failing =
  (name: string): Answer =>
  () => {
    throw faultNamed(name);
  };
/** A service that never answers, so the call lasts until its signal aborts. */
const silent: Answer = (clock, signal) => {
  while (!signal.aborted) clock.advance(10);
  throw faultNamed('AbortError');
};

const keyFault = { decision: 'key_fault', about: {} };

/** Data keys from a client that answers by `script`. Its last entry answers all further calls. */
const scripted = (...script: Answer[]) => {
  const clock = virtualClock();
  const calls: Call[] = [];
  const rest = [...script];
  const client = {
    send: async (command: { input: object }, options: { abortSignal: AbortSignal }) => {
      const operation = command.constructor.name.replace(/Command$/, '');
      calls.push({ operation, input: command.input, atMs: clock.elapsed() });
      const answer = rest.length > 1 ? rest.shift() : rest[0];
      return answer?.(clock, options.abortSignal);
    },
  } as unknown as KMSClient;
  const context = requestContext({ clock });
  const keys = createDataKeys(createKmsKey(client, masterKeyId));
  const generate = () => keys.for(context).generate(bound);
  const unwrap = () => keys.for(context).unwrap(bound, wrapped);
  return { clock, calls, context, keys, generate, unwrap };
};

describe('a data key', () => {
  it('is made under the configured master key, bound to vault, tenant and name', async () => {
    const { calls, generate, context } = scripted(() => good);
    expect(await generate()).toEqual({ plaintext, wrapped, masterKeyId: keyArn });
    const input = { KeyId: masterKeyId, KeySpec: 'AES_256', EncryptionContext: bound };
    expect(calls).toEqual([{ operation: 'GenerateDataKey', input, atMs: 0 }]);
    expect(context.journal.kmsCalls).toEqual(['GenerateDataKey']);
    expect(context.journal.decisions).toEqual([]);
  });

  it.each([
    ['a reply', () => ({ ...good, $metadata: { requestId: 'the-call' } })],
    [
      'a refusal',
      () => {
        throw Object.assign(faultNamed('DisabledException'), {
          $metadata: { requestId: 'the-call' },
        });
      },
    ],
  ])('has the request id of its KMS call reported to the journal after %s', async (_, answer) => {
    const { context, keys } = scripted(answer);
    const ids: unknown[] = [];
    const journal = { ...context.journal, answered: (id: unknown) => void ids.push(id) };
    await Promise.allSettled([keys.for({ ...context, journal }).unwrap(bound, wrapped)]);
    expect(ids).toEqual(['the-call']);
  });

  it('is unwrapped by a call that names the configured master key, the vault, the tenant and the name', async () => {
    const { calls, unwrap, context } = scripted(() => good);
    expect(await unwrap()).toBe(plaintext);
    const input = { KeyId: masterKeyId, CiphertextBlob: wrapped, EncryptionContext: bound };
    expect(calls).toEqual([{ operation: 'Decrypt', input, atMs: 0 }]);
    expect(context.journal.kmsCalls).toEqual(['Decrypt']);
  });

  it.each([
    ['a data key of 31 bytes', { Plaintext: randomBytes(31) }],
    ['a data key of 33 bytes', { Plaintext: randomBytes(33) }],
    ['no data key', { Plaintext: undefined }],
    ['an empty wrapped data key', { CiphertextBlob: new Uint8Array(0) }],
    ['no wrapped data key', { CiphertextBlob: undefined }],
    ['no id of the master key', { KeyId: undefined }],
    ['an empty id of the master key', { KeyId: '' }],
  ])('is not used if KMS generates %s', async (_, bad: object) => {
    const { calls, generate, context } = scripted(() => ({ ...good, ...bad }));
    const { code, retryable } = await refusalOf(generate);
    expect([code, retryable, calls.length]).toEqual(['master_key_unavailable', false, 1]);
    expect(context.journal.decisions).toEqual([keyFault]);
  });

  it('is not used if KMS unwraps 31 or 33 bytes, or none', async () => {
    for (const Plaintext of [randomBytes(31), randomBytes(33), undefined]) {
      const { unwrap } = scripted(() => ({ ...good, Plaintext }));
      expect((await refusalOf(unwrap)).code).toBe('master_key_incorrect');
    }
  });
});

describe('a fault of KMS', () => {
  const table: readonly (readonly [string, ErrorCode, boolean, number])[] = [
    ['IncorrectKeyException', 'master_key_incorrect', false, 1],
    ['InvalidCiphertextException', 'master_key_incorrect', false, 1],
    ['DisabledException', 'master_key_unavailable', false, 1],
    ['KMSInvalidStateException', 'master_key_unavailable', false, 1],
    ['NotFoundException', 'master_key_unavailable', false, 1],
    ['AccessDeniedException', 'master_key_unavailable', false, 1],
    ['InvalidKeyUsageException', 'master_key_unavailable', false, 1],
    ['UnrecognizedClientException', 'master_key_unavailable', false, 1],
    ['InvalidSignatureException', 'master_key_unavailable', false, 1],
    ['KMSInternalException', 'master_key_unavailable', true, 3],
    ['DependencyTimeoutException', 'master_key_unavailable', true, 3],
    ['KeyUnavailableException', 'master_key_unavailable', true, 3],
    ['TimeoutError', 'master_key_unavailable', true, 3],
    ['AbortError', 'master_key_unavailable', true, 3],
    ['Error', 'master_key_unavailable', true, 3],
    ['constructor', 'master_key_unavailable', true, 3],
  ];

  // Shows G9.
  it.each(table)(
    'with the name %s becomes %s, retryable: %s, after %s calls',
    async (name, code, retryable, tries) => {
      for (const operation of ['generate', 'unwrap'] as const) {
        const { [operation]: call, calls, context } = scripted(failing(name));
        const refused = await refusalOf(call);
        expect([refused.code, refused.retryable, calls.length]).toEqual([code, retryable, tries]);
        expect(context.journal.kmsCalls).toHaveLength(tries);
        expect(context.journal.decisions).toEqual([keyFault]);
        expect(refused.message).not.toContain('c4n4ry');
        expect(refused.cause).toBeInstanceOf(KeyFault);
        expect(refused.cause).toMatchObject({ name, cause: name, message: `${name}: c4n4ry` });
      }
    },
  );

  it('becomes master_key_unavailable and retryable if what was thrown is not an error object', async () => {
    for (const thrown of ['c4n4ry', null, undefined]) {
      const { unwrap } = scripted(() => Promise.reject(thrown));
      const { code, retryable, cause } = await refusalOf(unwrap);
      expect([code, retryable, cause]).toEqual(['master_key_unavailable', true, thrown]);
    }
  });

  it.each(['TimeoutError', 'ThrottlingException', 'LimitExceededException'])(
    'is not reported if a retry succeeds: %s',
    async (name) => {
      const { unwrap, calls, context, clock } = scripted(failing(name), failing(name), () => good);
      expect(await unwrap()).toBe(plaintext);
      expect(calls).toHaveLength(3);
      expect(context.journal.decisions).toEqual([]);
      expect(clock.sleeps).toEqual([5, 10]);
    },
  );

  it('that is permanent ends the retries after a temporary one', async () => {
    const { unwrap, calls } = scripted(failing('TimeoutError'), failing('DisabledException'));
    expect((await refusalOf(unwrap)).retryable).toBe(false);
    expect(calls).toHaveLength(2);
  });
});

describe('a fault of any other key', () => {
  /** The refusal of a request whose key throws this for each call, and the number of calls. */
  const refusedBy = async (thrown: unknown) => {
    let calls = 0;
    const unwrap = async () => {
      calls += 1;
      throw thrown;
    };
    const keys = createDataKeys({ unwrap } as unknown as KeyService);
    const { code, retryable, cause } = await refusalOf(() =>
      keys.for(requestContext({ clock: virtualClock() })).unwrap(bound, wrapped),
    );
    return [code, retryable, cause === thrown, calls];
  };

  it('leads to the code that the fault has, and to a retry only if the fault allows it', async () => {
    const permanent = { code: 'master_key_incorrect', retryable: false, cause: 'Word' } as const;
    const temporary = { ...permanent, retryable: true };
    const refused = ['master_key_incorrect', false, true, 1];
    expect(await refusedBy(new KeyFault(permanent, ''))).toEqual(refused);
    expect(await refusedBy(new KeyFault(temporary, ''))).toEqual([refused[0], true, true, 3]);
  });

  it('counts as unreachable if it is only named like one of KMS', async () => {
    const thrown = faultNamed(keyFaults.disabled.cause);
    expect(await refusedBy(thrown)).toEqual(['master_key_unavailable', true, true, 3]);
  });
});

describe('the time limit of a request with KMS calls', () => {
  it.each(['ThrottlingException', 'LimitExceededException'])(
    'is reached by retries of %s, and then the answer is throttled',
    async (name) => {
      const { unwrap, calls, clock, context } = scripted(failing(name));
      const { code, retryable } = await refusalOf(unwrap);
      expect([code, retryable]).toEqual(['throttled', true]);
      expect(context.journal.decisions).toEqual([]);
      expect(calls.length).toBeGreaterThan(30);
      expect(clock.elapsed()).toBeGreaterThan(6_500);
      expect(clock.elapsed()).toBeLessThan(8_000);
    },
  );

  it('allows no new call after 7 s', async () => {
    for (const name of ['ThrottlingException', 'TimeoutError']) {
      const { unwrap, calls, clock } = scripted(failing(name));
      clock.advance(6_900);
      await refusalOf(unwrap);
      expect(calls.length).toBeGreaterThan(0);
      for (const { atMs } of calls) expect(atMs).toBeLessThan(7_000);
    }
  });

  it.each([
    ['throttled', 'behind other requests', 0],
    ['store_unavailable', 'in the store', 7_000],
  ])('leads to %s, without a call or a key fault, after 7 s %s', async (code, _, inStoreMs) => {
    const { generate, unwrap, calls, clock, context } = scripted(() => good);
    await context.storeTime.during(async () => clock.advance(inStoreMs));
    clock.advance(7_000 - inStoreMs);
    for (const call of [generate, unwrap]) expect((await refusalOf(call)).code).toBe(code);
    expect([calls, context.journal.kmsCalls, context.journal.decisions]).toEqual([[], [], []]);
  });

  it.each([
    ['TimeoutError', 'master_key_unavailable', [keyFault]],
    ['ThrottlingException', 'throttled', []],
  ])(
    'is reached after a failure by %s, and then the answer is %s, even if the store took the time',
    async (name, code, decisions) => {
      const { unwrap, calls, clock, context } = scripted(() => {
        clock.advance(10);
        throw faultNamed(name);
      });
      await context.storeTime.during(async () => clock.advance(6_995));
      expect((await refusalOf(unwrap)).code).toBe(code);
      expect(calls).toHaveLength(1);
      expect(context.journal.decisions).toEqual(decisions);
    },
  );

  it('gives a slow call at most 3 s, and three slow calls so little time that some is left for the store', async () => {
    const { unwrap, calls, clock } = scripted(silent);
    const { code, retryable } = await refusalOf(unwrap);
    expect([code, retryable]).toEqual(['master_key_unavailable', true]);
    expect(clock.timers.slice(0, 2)).toEqual([3_000, 3_000]);
    expect(calls).toHaveLength(3);
    expect(clock.elapsed()).toBeLessThan(times.attemptsEndMs + 100);
  });

  it('gives a late call so little time that some is left for the store', async () => {
    const { unwrap, clock } = scripted(silent);
    clock.advance(6_950);
    await refusalOf(unwrap);
    expect(clock.timers).toEqual([2_050]);
  });
});

describe('the KMS calls of one process', () => {
  /** Calls that wait until the test answers them. Each call belongs to a request of its own. */
  const waiting = (semaphore?: ReturnType<typeof createSemaphore>) => {
    const clock = virtualClock();
    // Timers never fire, as if the process were suspended.
    const after = (ms: number) => {
      if (ms < 0) throw new RangeError('a time below 0');
      return clock.after(ms, () => undefined);
    };
    const answers: (() => void)[] = [];
    const send = () => new Promise((resolve) => answers.push(() => resolve(good)));
    const keys = createDataKeys(
      createKmsKey({ send } as unknown as KMSClient, masterKeyId),
      semaphore,
    );
    const unwrap = () => {
      const context = requestContext({ clock: { ...clock, after } });
      return keys.for(context).unwrap(bound, wrapped);
    };
    return { clock, answers, unwrap };
  };
  const settle = () => new Promise((resolve) => setImmediate(resolve));

  it('run at most 32 at once, each with its full time from its own start', async () => {
    const { clock, answers, unwrap } = waiting();
    const all = Promise.all(Array.from({ length: 100 }, unwrap));
    await settle();
    expect(answers).toHaveLength(32);
    clock.advance(2_500);
    for (let index = 0; index < 100; index += 1) {
      answers[index]?.();
      await settle();
    }
    expect(await all).toHaveLength(100);
    expect(clock.timers.filter((limit) => limit <= 3_000)).toEqual(Array(100).fill(3_000));
  });

  it('release their permit if they fail, and while they wait for a retry', async () => {
    const { unwrap, calls } = scripted(failing('TimeoutError'));
    const fates = await Promise.allSettled(Array.from({ length: 40 }, unwrap));
    expect(fates.every(({ status }) => status === 'rejected')).toBe(true);
    expect(calls).toHaveLength(120);
  });

  it('release their permits even if the process was suspended until after their deadline', async () => {
    const { clock, answers, unwrap } = waiting(createSemaphore(1));
    const first = unwrap();
    const second = refusalOf(unwrap);
    await settle();
    clock.advance(30_000);
    answers[0]?.();
    expect(await first).toBe(plaintext);
    expect((await second).code).toBe('throttled');
    expect(answers).toHaveLength(1);
    const third = unwrap();
    await settle();
    answers.at(-1)?.();
    expect(await third).toBe(plaintext);
  });
});

describe('the probe of the master key', () => {
  const described = (KeyMetadata: object | undefined) => scripted(() => ({ KeyMetadata }));

  it('returns the id of a usable key', async () => {
    const { keys, context, calls, clock } = described({ KeyId: '1234abcd', KeyState: 'Enabled' });
    expect(await keys.for(context).probe()).toEqual({ masterKeyId: '1234abcd' });
    expect(calls[0]).toMatchObject({ operation: 'DescribeKey', input: { KeyId: masterKeyId } });
    expect(clock.timers).toEqual([1_000]);
    expect(context.journal.kmsCalls).toEqual(['DescribeKey']);
  });

  it.each([
    [{ KeyId: '1234abcd', KeyState: 'Disabled' }],
    [{ KeyId: '1234abcd', KeyState: 'PendingDeletion' }],
    [{ KeyId: '1234abcd' }],
    [{ KeyState: 'Enabled' }],
    [undefined],
  ])('fails if the key cannot be used: %j', async (metadata) => {
    const { keys, context } = described(metadata);
    expect((await refusalOf(() => keys.for(context).probe())).code).toBe('master_key_unavailable');
  });

  it.each([
    ['TimeoutError', 'master_key_unavailable', true],
    ['DisabledException', 'master_key_unavailable', false],
    ['NotFoundException', 'master_key_unavailable', false],
    ['AccessDeniedException', 'master_key_unavailable', false],
    ['ThrottlingException', 'throttled', true],
  ])('fails after one call with the code for the fault: %s', async (name, code, retryable) => {
    const { keys, context, calls } = scripted(failing(name));
    expect(await refusalOf(() => keys.for(context).probe())).toMatchObject({ code, retryable });
    expect(calls).toHaveLength(1);
  });
});
