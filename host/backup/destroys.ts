/**
 * After a restore, destroys again what was destroyed after the backup, because the restore brings
 * those values back. The logs of the vault say what that was: the line of a request that destroyed
 * a version has the tenant, the secret and the caller.
 */
import { randomUUID } from 'node:crypto';
import { ApiError } from '../../functions/model/errors.ts';
import type { Principal } from '../../functions/model/types.ts';
import { isSecretName, isTenant } from '../../functions/model/types.ts';
import { machineClock, newWriteId } from '../../functions/runtime/clock.ts';
import { destroyVersion } from '../../functions/vault/destroy-version.ts';
import {
  backgroundContext,
  type RequestContext,
  type StorePorts,
} from '../../functions/vault/request.ts';
import { looksLikeRequest, parseLine } from '../../system/log-lines.ts';

/** A version that a caller destroyed, the caller (`subject` and `issuer`), and the time. */
export type Destruction = {
  readonly tenant: string;
  readonly name: string;
  readonly version: number;
  /**
   * The id of the write that created the destroyed version, as the log says. The stored version of
   * this number has a different id if the log comes from another vault, or from before an earlier
   * restore.
   */
  readonly writeId: string;
  readonly subject: string;
  readonly issuer: string;
  readonly at: number;
};

type Target = Pick<Destruction, 'tenant' | 'name' | 'version' | 'writeId'>;
const keyOf = ({ tenant, name, version, writeId }: Target): string =>
  `${tenant} ${name} ${version} ${writeId}`;

export type Destructions = {
  /**
   * The destructions, ordered by time. If the logs show several of one version, only the first is
   * kept, because later ones only repeated it.
   */
  readonly known: readonly Destruction[];
  /**
   * Requests that may have destroyed a version, one text for each. Either the log has the decision
   * but not the request line, so the tenant is unknown, or the vault did not know whether the
   * request took effect.
   */
  readonly unclear: readonly string[];
  /** The number of request lines that cannot be parsed, or lack what a destruction must say. */
  readonly unreadable: number;
};

/**
 * Finds the destructions in the lines of logs. Neither the logs nor their lines need be in any
 * order.
 */
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
      // In the store, a destroyed version is readable only if it says by whom and when it was
      // destroyed, so a line without these cannot be used.
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
  // Callers usually repeat a request whose outcome is unknown. If the log says that the repeated
  // request destroyed the version, the first one is no longer unclear.
  const unclear = [...perhaps].flatMap(([requestId, { what, key = '' }]) =>
    told.has(requestId) || known.has(key) ? [] : what,
  );
  return { known: inOrder, unclear, unreadable };
};

export type RedoResult = {
  readonly destroyed: readonly Destruction[];
  /**
   * Versions that were destroyed already, for example before the backup or by an earlier call of
   * `redoDestructions`.
   */
  readonly already: readonly Destruction[];
  /**
   * Versions that the store does not have, or whose number belongs to a version from a different
   * write.
   */
  readonly absent: readonly Destruction[];
  /**
   * Versions that are current again, because the backup lacks the writes that replaced them. The
   * vault never destroys a current version.
   */
  readonly current: readonly Destruction[];
  /** The stored items of the secret are damaged, so nothing is known about the version. */
  readonly damaged: readonly Destruction[];
};

/** Returns the context with which the caller's request is repeated, at its original time. */
const requestOf = ({ at }: Destruction): RequestContext => ({
  ...backgroundContext(machineClock),
  ...{ requestId: randomUUID(), now: at, writeId: newWriteId() },
});

/**
 * Destroys the versions in the names of the original callers, at the original times. Calling it
 * again changes nothing. Throws errors of the store.
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
      // One secret that is damaged or lacks its head must not keep the other destructions from
      // being repeated.
      const isDamaged =
        error instanceof ApiError && ['integrity_failure', 'not_found'].includes(error.code);
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
