/** Requests without HTTP: a context whose journal can be read, and a caller. */
import { randomBytes, randomUUID } from 'node:crypto';
import type { Principal, VersionRef } from '../../functions/model/types.ts';
import { machineClock } from '../../functions/runtime/clock.ts';
import {
  type Clock,
  createStopwatch,
  type Decision,
  type Journal,
  type RequestContext,
} from '../../functions/vault/request.ts';

export type ReadableJournal = Journal & {
  readonly storeCalls: string[];
  readonly kmsCalls: string[];
  /**
   * The versions of secrets whose values were decrypted. `opened`: for the caller. `copied`: to be
   * stored again. `pinned`: those among both that were requested by their number.
   */
  readonly values: Readonly<Record<'opened' | 'copied' | 'pinned', readonly string[]>>;
  readonly decisions: { readonly decision: Decision; readonly about: Partial<VersionRef> }[];
  readonly units: () => number;
  readonly readUnits: () => number;
  readonly writeUnits: () => number;
  readonly attempts: () => number;
};

const writes: ReadonlySet<string> = new Set(['PutItem', 'TransactWriteItems', 'Write']);

export const readableJournal = (): ReadableJournal => {
  const storeCalls: string[] = [];
  const kmsCalls: string[] = [];
  const [opened, copied, pinned]: [string[], string[], string[]] = [[], [], []];
  const note =
    (list: string[]): Journal['opened'] =>
    ({ name, version }, selection) => {
      list.push(`${name}@${version}`);
      if (selection === 'number') pinned.push(`${name}@${version}`);
    };
  const decisions: ReadableJournal['decisions'] = [];
  const units = { read: 0, write: 0 };
  let attempts = 0;
  return {
    storeCalls,
    kmsCalls,
    values: { opened, copied, pinned },
    decisions,
    units: () => units.read + units.write,
    readUnits: () => units.read,
    writeUnits: () => units.write,
    attempts: () => attempts,
    called: (service, operation, consumed = 0) => {
      (service === 'store' ? storeCalls : kmsCalls).push(operation);
      units[writes.has(operation) ? 'write' : 'read'] += consumed;
    },
    attempted: () => {
      attempts += 1;
    },
    decided: (decision, about = {}) => {
      decisions.push({ decision, about });
    },
    concerns: () => {},
    answered: () => {},
    opened: note(opened),
    copied: note(copied),
    compared: () => {},
  };
};

/** The id of the vault in tests without HTTP. */
export const vaultId = 'test-vault';

/**
 * A clock on which elapsed time passes ten times more slowly. So a slow machine keeps the time
 * limits of each request and each of its calls.
 */
const patientClock: Clock = {
  ...machineClock,
  elapsed: () => machineClock.elapsed() / 10,
  after: (ms, act) => machineClock.after(20 * ms, act),
};

/** Makes the context of a new request. `now` sets its instant, and `clock` measures its time. */
export const requestContext = (
  options: { readonly clock?: Clock; readonly now?: number; readonly writeId?: string } = {},
): RequestContext & { readonly journal: ReadableJournal } => {
  const clock = options.clock ?? patientClock;
  const began = clock.elapsed();
  const elapsed = () => clock.elapsed() - began;
  return {
    requestId: randomUUID(),
    now: options.now ?? clock.now(),
    writeId: options.writeId ?? randomBytes(16).toString('base64url'),
    elapsed,
    storeTime: createStopwatch(elapsed),
    clock,
    journal: readableJournal(),
  };
};

/**
 * Makes a caller that may read and write all names in a new tenant, so that tests do not share
 * secrets.
 */
export const someone = (overrides: Partial<Principal> = {}): Principal => ({
  tenant: `t-${randomBytes(8).toString('hex')}`,
  subject: 'alice',
  scopes: ['secrets:read', 'secrets:write'],
  names: undefined,
  issuer: 'default',
  rule: undefined,
  expires: Date.UTC(2100, 0),
  ...overrides,
});

export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
