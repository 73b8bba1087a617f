/**
 * Plays the part of IAM on AWS. It stands in front of the store and the master key, recognises each
 * function by its credentials, forwards what the function's policy allows, and records every
 * permission that is needed. It can also inject faults.
 */
import { type Fate, meet } from '../../support/adversary/fates.ts';
import { realPause } from '../../support/adversary/proxy.ts';
import { seeded } from '../../support/adversary/random.ts';
import { type Call, type Exchange, faultReply } from '../../support/adversary/wire.ts';
import { type Named, neededFor, type Permission, type Permissions } from './permissions.ts';

export type Gate = {
  readonly exchange: Exchange;
  /** All permissions that were needed, whether granted or not, by function. */
  readonly used: ReadonlyMap<string, ReadonlySet<Permission>>;
  /** The refused calls, for example `get-secret: kms:Decrypt MasterKey`. */
  readonly refused: readonly string[];
  /**
   * Sets the function that decides whether a call that the policy allows is forwarded or meets a
   * fault.
   */
  readonly setFate: (fateOf: (call: Call) => Fate) => void;
};

/**
 * The header that shows whose credentials a call uses, because the session token is sent in plain
 * text.
 */
const identity = 'x-amz-security-token';

/**
 * Whether the key policy in the template allows this call. The policy allows data keys only for a
 * named secret of a named tenant in this vault.
 */
const isOfASecret = ({ operation, input }: Call, { vaultId }: Named): boolean => {
  if (!['GenerateDataKey', 'Decrypt'].includes(operation)) return true;
  const context = (input['EncryptionContext'] ?? {}) as Readonly<Record<string, string>>;
  return Object.keys(context).sort().join() === 'name,tenant,vault' && context['vault'] === vaultId;
};

const passed = (): Fate => ({ kind: 'passed' });

export const startGate = (forward: Exchange, grants: Permissions, named: Named): Gate => {
  const used = new Map<string, Set<Permission>>(
    [...grants.keys()].map((name) => [name, new Set()]),
  );
  const refused: string[] = [];
  let fateOf: (call: Call) => Fate = passed;
  const world = {
    pause: realPause,
    random: seeded(1),
    later: (work: Promise<unknown>) => void work.catch(() => undefined),
  };
  return {
    used,
    refused,
    setFate: (next) => {
      fateOf = next;
    },
    exchange: async (call, signal) => {
      const who = call.headers[identity] ?? 'nobody';
      const needed = neededFor(call, named);
      for (const permission of needed) used.get(who)?.add(permission);
      const lacking = needed.filter((permission) => !grants.get(who)?.has(permission));
      if (lacking.length > 0 || !isOfASecret(call, named)) {
        refused.push(`${who}: ${lacking.join(', ') || `${call.operation} for no secret`}`);
        return faultReply(400, 'AccessDeniedException');
      }
      return await meet(fateOf(call), call, forward, world, signal);
    },
  };
};
