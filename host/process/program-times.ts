/**
 * How long the programs of this machine wait for each other, in milliseconds. A program gets longer
 * to end than it gives its own children.
 */
import { times } from '../../functions/model/limits.ts';

/** The time in which a store, or etcd, writes its data and exits. */
const storeEndMs = 2_000;
/** The time in which a gateway answers the requests that it has begun. */
const requestsEndMs = times.answerByMs + 2_000;
/** The time in which sam stops the containers of all functions. */
const containersEndMs = 30_000;
/** The time in which a vault answers its requests, and then closes its store. */
const vaultEndMs = requestsEndMs + storeEndMs + 1_000;

export const programTimes = {
  storeEndMs,
  requestsEndMs,
  containersEndMs,
  vaultEndMs,
  /** The time in which any program of this repository ends. */
  programEndMs: Math.max(vaultEndMs, containersEndMs) + 10_000,
  /** The time in which LocalStack ends, or a program that `run` runs, such as sam build. */
  toolEndMs: 10_000,
  /** The time in which a build, a deployment or an installation is done. */
  toolRunMs: 600_000,
  /** The time in which LocalStack starts, or sam with its first function. */
  serviceStartMs: 60_000,
} as const;
