/**
 * `adversary.ts FOLDER HOST PORT SEED SHARE REPORT`: the adversary of test/support as a proxy before the front of the
 * node that runs on the folder. A share of the calls meets a fault that the seed
 * draws; every call is held against what a vault may send. At its end it writes what it met.
 */
import { writeFileSync } from 'node:fs';
import { runningRecord } from '../../../local/vaults/vault-records.ts';
import { type Choose, startAdversary } from '../../support/adversary/adversary.ts';
import { canaryForms } from '../../support/adversary/canaries.ts';
import type { Fate } from '../../support/adversary/fates.ts';
import { atRate } from '../../support/adversary/hostility.ts';
import { realPause, startProxy } from '../../support/adversary/proxy.ts';
import { seeded } from '../../support/adversary/random.ts';
import { watchCalls } from '../../support/adversary/watch.ts';
import { brokenConnection, type Exchange, toEndpoint } from '../../support/adversary/wire.ts';
import { canary, type Met } from './hostility.ts';

const [folder = '', host = '', port, seed, share, report = ''] = process.argv.slice(2);
const random = seeded(Number(seed));

/** Nothing is applied so late that it would come after the last look at the tables. */
const lateMsMax = 3_000;
const soon = (fate: Fate): Fate =>
  fate.kind === 'applied late' ? { ...fate, ms: Math.min(fate.ms, lateMsMax) } : fate;
const draw = atRate(random, Number(share));
const choose: Choose = (call, index) => soon(draw(call, index));

const toFront: Exchange = async (call) => {
  const endpoint = runningRecord.find(folder)?.dynamodbEndpoint;
  if (!endpoint) throw brokenConnection('ECONNREFUSED');
  return await toEndpoint(endpoint)(call);
};
const { exchange, met, violations } = startAdversary(toFront, {
  ...{ choose, pause: realPause, random },
  watch: watchCalls(canaryForms(canary)),
});
await startProxy(exchange, { host, port: Number(port) });

process.once('SIGTERM', () => {
  const faults: Record<string, number> = {};
  for (const { fate } of met) {
    if (fate.kind === 'passed' || fate.kind === 'stale') continue;
    faults[fate.kind] = (faults[fate.kind] ?? 0) + 1;
  }
  const told: Met = {
    calls: met.length,
    faults,
    violations: [...new Set(violations)].slice(0, 20),
  };
  writeFileSync(report, JSON.stringify(told));
  process.exit();
});
