import { expect, it } from '@jest/globals';
import { createIdentity } from '../../../../functions/http/identity.ts';
import { machineClock } from '../../../../functions/runtime/clock.ts';
import { createMetrics } from '../../../../host/http/metrics.ts';
import { createKeptLog } from '../../../support/kept-log.ts';
import { metricsIn } from '../../../support/metrics.ts';

it('metrics count each call, lost race and warning of a request when its journal closes', async () => {
  const { registry, observe } = createMetrics(() => undefined);
  const journal = createKeptLog({ observe }).openJournal('update-secret', 'r-1');
  for (const service of ['store', 'store', 'store', 'kms', 'kms'] as const) {
    journal.called(service, 'AnyCall');
  }
  for (const decision of ['lost_race', 'lost_race', 'clock_skew', 'version_written'] as const) {
    journal.decided(decision);
  }
  // A counter must start at 0, because Prometheus computes an increase from two samples.
  expect(await metricsIn(registry)).toMatchObject({
    'vault_calls_total service=kms': 0,
    vault_lost_races_total: 0,
    'vault_warnings_total decision=clock_skew': 0,
  });
  await journal.close({ principal: undefined, status: 200, error: undefined, elapsedMs: 1_500 });
  const counted = await metricsIn(registry);
  expect(counted).not.toHaveProperty(['vault_warnings_total decision=lost_race']);
  expect(counted).toMatchObject({
    'vault_requests_total operation=update-secret status=200': 1,
    'vault_request_duration_seconds_sum operation=update-secret': 1.5,
    'vault_calls_total service=store': 3,
    'vault_calls_total service=kms': 2,
    vault_lost_races_total: 2,
    'vault_warnings_total decision=clock_skew': 1,
    'vault_warnings_total decision=key_fault': 0,
  });
});

it('metrics show a faulty access policy until the file is repaired', async () => {
  const identity = createIdentity(machineClock);
  const { registry } = createMetrics(identity.state);
  const shown = async () => (await metricsIn(registry))['vault_policy_fault'];
  expect(await shown()).toBe(0);
  identity.use({ issuers: [] }, 'file');
  identity.refuse('line 3 is wrong');
  expect(await shown()).toBe(1);
  identity.use({ issuers: [] }, 'file');
  expect(await shown()).toBe(0);
});
