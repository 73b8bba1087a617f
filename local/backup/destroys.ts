/**
 * Destroys again what was destroyed after a backup, as the logs of the vault tell it: a restore brings such values back.
 * The line of a request that destroyed a version has its tenant, its secret and its caller.
 */
import { randomUUID } from 'node:crypto';
import { VaultError } from '../../functions/model/errors.ts';
import type { Principal } from '../../functions/model/types.ts';
import { isSecretName, isTenant } from '../../functions/model/types.ts';
import { machineClock, newWriteId } from '../../functions/runtime/clock.ts';
import { destroyVersion } from '../../functions/vault/destroy-version.ts';
import {
  createStopwatch,
  type RequestContext,
  type StorePorts,
  silentJournal,
} from '../../functions/vault/request.ts';
import { looksLikeRequest, parseLine } from '../../system/log-lines.ts';

/** A version that a caller destroyed, and when. */
export type Destruction = {
  readonly tenant: string;
  readonly name: string;
  readonly version: number;
  /** The write that made the version. A log of another vault, or from before an earlier restore, names other writes. */
  readonly writeId: string;
  readonly subject: string;
  readonly issuer: string;
  readonly at: number;
};

type Target = Pick<Destruction, 'tenant' | 'name' | 'version' | 'writeId'>;
const keyOf = ({ tenant, name, version, writeId }: Target): string =>
  `${tenant} ${name} ${version} ${writeId}`;

export type Destructions = {
  /** In the order of their times, one for each version: the first, which later ones repeated. */
  readonly known: readonly Destruction[];
  /** Destructions whose tenant no line tells, and requests of which the vault could not say whether they destroyed. */
  readonly unclear: readonly string[];
  /** Lines of requests that cannot be read. */
  readonly unreadable: number;
};

/** Finds the destructions in the lines of logs, whose order does not matter. */
export const readDestructions = async (
  logs: readonly AsyncIterable<string>[],
): Promise<Destructions> => {
  const known = new Map<string, Destruction>();
  const perhaps = new Map<string, { readonly what: string; readonly key?: string }>();
  const told = new Set<string>();
  let unreadable = 0;
  for (const lines of logs) {
    for await (const text of lines) {
      const line = parseLine(text);
      if (line === undefined) {
        if (looksLikeRequest(text)) unreadable += 1;
        continue;
      }
      const { requestId = '', secret: name = '', version = 0, message } = line;
      const what = `${name} version ${version}, request ${requestId}`;
      if (message === 'decision' && line.decision === 'destroyed') perhaps.set(requestId, { what });
      if (message !== 'request' || line.operation !== 'destroy-version') continue;
      const {
        tenant = '',
        subject = '',
        issuer = '',
        writeId = '',
        timestamp,
        outcome,
        code,
      } = line;
      const key = keyOf({ tenant, name, version, writeId });
      if (code === 'outcome_unknown') {
        perhaps.set(requestId, { what: `${what} of tenant ${tenant}`, key });
      }
      if (outcome !== 'ok') continue;
      const at = Date.parse(timestamp);
      const isWhole = isTenant(tenant) && isSecretName(name) && subject !== '' && writeId !== '';
      // Nobody could read a version that was destroyed by nobody or at no time.
      if (!isWhole || Number.isNaN(at)) {
        unreadable += 1;
        continue;
      }
      told.add(requestId);
      if (at >= (known.get(key)?.at ?? Number.POSITIVE_INFINITY)) continue;
      known.set(key, { tenant, name, version, writeId, subject, issuer, at });
    }
  }
  const inOrder = [...known.values()].sort((one, other) => one.at - other.at);
  // A caller whom the vault could not answer asks again.
  const unclear = [...perhaps].flatMap(([requestId, { what, key = '' }]) =>
    told.has(requestId) || known.has(key) ? [] : what,
  );
  return { known: inOrder, unclear, unreadable };
};

export type RedoResult = {
  readonly destroyed: readonly Destruction[];
  /** They were destroyed before the backup, or by an earlier call. */
  readonly already: readonly Destruction[];
  /** The store has no such version, or another one of that number. */
  readonly absent: readonly Destruction[];
  /** The version is the current one again, and the vault destroys no current version. */
  readonly current: readonly Destruction[];
  /** The stored items of the secret are damaged, so nothing is known of the version. */
  readonly damaged: readonly Destruction[];
};

/** The request of the caller who destroyed the version, at that time. */
const requestOf = ({ at }: Destruction): RequestContext => {
  const begun = machineClock.elapsed();
  const elapsed = () => machineClock.elapsed() - begun;
  return {
    requestId: randomUUID(),
    now: at,
    writeId: newWriteId(),
    elapsed,
    storeTime: createStopwatch(machineClock.elapsed),
    clock: machineClock,
    journal: silentJournal,
  };
};

/**
 * Destroys the versions as their callers did, with their names and times. A second call changes nothing. Throws the
 * errors of the store.
 */
export const redoDestructions = async (
  ports: StorePorts,
  destructions: readonly Destruction[],
): Promise<RedoResult> => {
  const redone: Record<keyof RedoResult, Destruction[]> = {
    destroyed: [],
    already: [],
    absent: [],
    current: [],
    damaged: [],
  };
  for (const destruction of destructions) {
    const how = await redo(ports, destruction).catch((error: unknown) => {
      // One damaged secret, or one whose head is lost, must not keep the others.
      const isDamaged =
        error instanceof VaultError && ['integrity_failure', 'not_found'].includes(error.code);
      if (isDamaged) return 'damaged' as const;
      throw error;
    });
    redone[how].push(destruction);
  }
  return redone;
};

const redo = async (ports: StorePorts, destruction: Destruction): Promise<keyof RedoResult> => {
  const { tenant, subject, issuer, name, version, writeId } = destruction;
  const context = requestOf(destruction);
  const principal: Principal = {
    ...{ tenant, subject, issuer, scopes: [], names: undefined, rule: undefined },
    expires: Number.POSITIVE_INFINITY,
  };
  const store = ports.store.for(context, principal);
  const head = await store.findHead(name);
  const found = head?.version === version ? head : await store.findVersion(name, version);
  if (found?.writeId !== writeId) return 'absent';
  if (found.state === 'destroyed') return 'already';
  if (found.validTo === undefined) return 'current';
  await destroyVersion(ports)(context, principal, { name, version });
  return 'destroyed';
};
