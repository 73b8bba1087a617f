/** The client of the HTTP API (client/), with the settings, messages and failures of the command line. */
import { randomUUID } from 'node:crypto';
import { isVaultError, type VaultError } from '../../client/errors.ts';
import { operations } from '../../client/operations.ts';
import {
  type ClientEvent,
  type Exchange,
  prepare,
  type Request,
  sendingTo,
} from '../../client/sending.ts';
import { isLoopback } from '../../system/address.ts';
import { exitCodes, failure, failureOf } from '../../system/failures.ts';
import { note, printText, wantsJson } from '../output/output.ts';
import { withProgress } from '../output/progress.ts';
import { curlOf } from './curl.ts';
import { createExchange } from './http-exchange.ts';
import { findCertificate } from './local-vaults.ts';
import { type Flags, readSettings, type Settings } from './settings.ts';
import type { Token } from './token.ts';

/** Calls an operation. Throws a `Failure` if the server refuses the request or cannot be reached. */
export type Client = Request;

/**
 * Opens a client. If a command fails after a write that may have taken effect, the client prints its
 * idempotency key. The user can repeat the write safely only with that key, and is then answered as before,
 * for example after a full disk.
 */
export const openClient = (settings: Settings, { keepKey } = keyOfEffect()): Client => {
  const { addr, retries, timeoutMs } = settings;
  const fetch = exchangeOf(settings);
  const tell = teller(settings);
  const keepKeyOf = ({ mayHaveEffect, idempotencyKey }: VaultError): void => {
    // A destruction has no key, and can be repeated without one.
    if (mayHaveEffect && idempotencyKey !== undefined) keepKey(idempotencyKey);
  };
  const onEvent = (event: ClientEvent): void => {
    // The key is kept now, because the error that ends the command may be another one, such as a token command's.
    if (event.type === 'repeating') keepKeyOf(event.error);
    tell(event);
  };
  const token = tokenSource(addr, settings.token);
  const send = sendingTo({ addr, retries, timeoutMs, onEvent, token, fetch });
  return async (id, asked = {}) => {
    const key = asked.idempotencyKey ?? settings.idempotencyKey ?? randomUUID();
    const keyed = { ...asked, idempotencyKey: key };
    if (settings.curl) {
      await printText(curlOf(prepare(addr, id, keyed)));
      throw failure('printed', { kind: 'ok' });
    }
    try {
      const asking = () => send(id, keyed);
      const reply = await (settings.verbose ? asking() : withProgress(asking));
      if (operations[id].keyed) keepKey(key);
      return reply;
    } catch (error) {
      if (!isVaultError(error)) throw error;
      keepKeyOf(error);
      if (error.code !== 'untrusted') throw failureOf(error);
      throw failure(`${error.message}: ${howToTrust}`, { kind: 'unavailable', cause: error });
    }
  };
};

/** The idempotency key of the last write that may have taken effect, which is printed if the command fails. */
const keyOfEffect = () => {
  let last: string | undefined;
  let listens = false;
  return {
    keepKey: (key: string): void => {
      last = key;
      // Not before a write, because `run --watch` opens a client for each of its reads.
      if (listens) return;
      listens = true;
      process.once('exit', (code) => {
        if (code === exitCodes.ok || last === undefined) return;
        note(`to repeat it safely: --idempotency-key ${last}`);
      });
    },
    forgetKey: (): void => {
      last = undefined;
    },
  };
};

const howToTrust = 'dsvault login --ca FILE keeps the certificate of its authority';

/** Performs requests to the server that the settings trust, or to a vault of this machine by its own record. */
export const exchangeOf = ({ ca }: Settings): Exchange => createExchange({ ca, findCertificate });

export type Session = {
  readonly settings: Settings;
  readonly client: Client;
  /** For a failure after which the same write must not be repeated: its idempotency key is not printed. */
  readonly forgetKey: () => void;
};

/** Reads the settings of a command, and opens its client. */
export const openSession = (flags: Flags): Session => {
  const settings = readSettings(flags);
  const key = keyOfEffect();
  return { settings, client: openClient(settings, key), forgetKey: key.forgetKey };
};

const tokenSource = (addr: string, token: Token | undefined) => async (refused?: string) => {
  if (token === undefined) {
    const how = isLoopback(new URL(addr)) ? 'dsvault login --local' : 'dsvault login';
    throw failure(`no token: keep one with ${how}, or set DSVAULT_TOKEN or DSVAULT_TOKEN_FILE`, {
      kind: 'denied',
    });
  }
  const current = await token.read();
  // Another request, which was refused at the same time, may have renewed the token already.
  if (current !== refused || !token.renew?.()) return current;
  return await token.read();
};

/** Tells what the client does: with `--verbose` everything, else that the first attempt has failed. */
const teller =
  ({ verbose, retries }: Settings) =>
  (event: ClientEvent) => {
    if (event.type === 'repeating') {
      const reason = event.error.message.replace(/\.$/, '');
      if (verbose) note(`${reason}; again in ${Math.round(event.waitMs)} ms`);
      else if (event.attempt === 1 && !wantsJson()) {
        note(`${reason}; dsvault tries again, up to ${retries} times`);
      }
      return;
    }
    if (!verbose) return;
    if (event.type === 'sending') {
      const key = event.idempotencyKey;
      return note(`${event.method} ${event.url}${key ? `, Idempotency-Key ${key}` : ''}`);
    }
    note(`${event.status}, request ${event.requestId}${event.replayed ? ', replayed' : ''}`);
  };
