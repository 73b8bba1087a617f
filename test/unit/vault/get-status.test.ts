import { describe, expect, it } from '@jest/globals';
import { getStatus } from '../../../functions/vault/get-status.ts';
import type { Ports } from '../../../functions/vault/request.ts';
import { requestContext, someone } from '../../support/requests.ts';
import { virtualClock } from '../../support/virtual-clock.ts';

const down = (): Promise<never> => Promise.reject(new Error('down'));

/** A status page that counts its probes. The probe of the store takes 3.4 ms. */
const page = (
  options: { replicated?: boolean; storeDown?: boolean; keyDown?: boolean } = {},
  clock = virtualClock(),
) => {
  const probes = { store: 0, key: 0 };
  const probeStore = async () => {
    probes.store += 1;
    clock.advance(3.4);
    return options.storeDown ? down() : { replicated: options.replicated ?? false };
  };
  const probeKey = async () => {
    probes.key += 1;
    return options.keyDown ? down() : { masterKeyId: 'arn:key/1234abcd' };
  };
  const ports = {
    store: { for: () => ({ probe: probeStore }) },
    dataKeys: { for: () => ({ probe: probeKey }) },
  } as unknown as Ports;
  const status = getStatus(ports, clock);
  const context = requestContext({ clock });
  return { clock, probes, context, options, ask: () => status(context, someone()) };
};

describe('the status of the vault', () => {
  it.each<[string, { storeDown?: boolean; keyDown?: boolean }]>([
    ['ok', {}],
    ['degraded', { storeDown: true }],
    ['degraded', { keyDown: true }],
    ['degraded', { keyDown: true, storeDown: true }],
  ])('is %s, with the state of each service, if these are down: %j', async (status, down) => {
    const { storeDown = false, keyDown = false } = down;
    const { ask, context } = page(down);
    expect(await ask()).toEqual({
      status,
      store: { reachable: !storeDown, latencyMs: 3 },
      masterKey: { reachable: !keyDown, id: keyDown ? null : 'arn:key/1234abcd' },
    });
    expect(context.journal.decisions).toEqual([]);
  });

  // Shows G5.
  it('is degraded and raises an alarm if the table has replicas in other Regions', async () => {
    const { ask, context } = page({ replicated: true });
    expect((await ask()).status).toBe('degraded');
    expect(context.journal.decisions).toEqual([{ decision: 'table_replicated', about: {} }]);
  });
});

describe('the probes of the status page', () => {
  it('are shared by all concurrent requests', async () => {
    const { ask, probes } = page();
    const [first, ...others] = await Promise.all([ask(), ask(), ask()]);
    for (const other of others) expect(other).toBe(first);
    expect(probes).toEqual({ store: 1, key: 1 });
  });

  it('run at most once a second, even after a failure', async () => {
    for (const options of [{}, { storeDown: true, keyDown: true }]) {
      const { ask, probes, clock } = page(options);
      await ask();
      clock.advance(990);
      await ask();
      expect(probes).toEqual({ store: 1, key: 1 });
      clock.advance(10);
      await ask();
      expect(probes).toEqual({ store: 2, key: 2 });
    }
  });

  it('show after a second that a service has recovered', async () => {
    const { ask, clock, options } = page({ storeDown: true });
    expect((await ask()).status).toBe('degraded');
    options.storeDown = false;
    clock.advance(1_000);
    expect((await ask()).status).toBe('ok');
  });

  it('run after a second of real time, however the wall clock jumps', async () => {
    const { ask, probes, clock } = page();
    await ask();
    clock.jump(-3_600_000);
    clock.advance(1_000);
    await ask();
    expect(probes.store).toBe(2);
    clock.jump(7_200_000);
    await ask();
    expect(probes.store).toBe(2);
  });
});
