/**
 * How long the programs of this machine wait for each other, in milliseconds. A program is given longer to
 * end than it gives what it has started itself.
 */
import { times } from '../../functions/model/limits.ts';

/** A store, or etcd, writes what it has and ends. */
const storeEndMs = 2_000;
/** A gateway answers the requests that it has begun. */
const requestsEndMs = times.answerByMs + 2_000;
/** sam stops the containers of all functions. */
const containersEndMs = 30_000;
/** A vault answers its requests, and then ends its store. */
const vaultEndMs = requestsEndMs + storeEndMs + 1_000;

export const programTimes = {
  storeEndMs,
  requestsEndMs,
  containersEndMs,
  vaultEndMs,
  /** Any program of this repository. */
  programEndMs: Math.max(vaultEndMs, containersEndMs) + 10_000,
  /** LocalStack, or a program that `run` runs, such as sam build. */
  toolEndMs: 10_000,
  /** A build, a deployment or an installation. */
  toolRunMs: 600_000,
  /** LocalStack, or sam with its first function. */
  serviceStartMs: 60_000,
} as const;
