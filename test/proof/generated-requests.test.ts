/**
 * Sends requests that are generated from docs/openapi.yaml, with valid and invalid parts, to a
 * vault over HTTP. The document describes every reply for its operation, and no reply is an
 * internal error.
 */
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { intBelow, seeded } from '../support/adversary/random.ts';
import { printFigure } from '../support/figure.ts';
import { perRun } from '../support/long.ts';
import { operations } from '../support/openapi.ts';
import { drawRequest } from '../support/openapi-requests.ts';
import { type RunningVault, startVault } from '../support/running-vault.ts';
import { claimsOf } from '../support/tokens.ts';

const requests = perRun(10_000, 50_000);
const clients = 8;
const batches = 10;

// On a busy machine this takes longer than the minute that tests over HTTP have.
jest.setTimeout(600_000);

describe('a generated request', () => {
  let vault: RunningVault;
  let tokens: readonly (string | undefined)[];
  const statuses = new Map<number, number>();
  const reached = new Set<string>();
  let faulty = 0;
  let slow = 0;
  beforeAll(async () => {
    vault = await startVault();
    const everything = vault.token({ scope: `${claimsOf()['scope']} vault:status` });
    tokens = [
      ...Array.from({ length: 20 }, () => everything),
      vault.token({ scope: 'secrets:read' }),
      vault.token({ scope: 'secrets:list' }),
      vault.token({ scope: 'secrets:write' }),
      vault.token({ names: ['D*', 'NEW1*'] }),
      vault.token({ tenant: 'globex' }),
      vault.token({ exp: 1 }),
      vault.token({ names: ['.*'] }),
      'no.token.at-all',
      undefined,
    ];
  });
  afterAll(async () => {
    const told = [...statuses]
      .sort(([a], [b]) => a - b)
      .map(([status, count]) => `${status}: ${count}`);
    const sum = [...statuses.values()].reduce((all, count) => all + count, 0);
    printFigure(
      'generated requests',
      `${sum} (${faulty} with faults), ${reached.size} operations, ${told.join(', ')}: 0 unplanned 5xx, 0 replies outside the document`,
    );
    await vault.stop();
  });

  it.each(Array.from({ length: batches }, (_, index) => index + 1))(
    'is answered as docs/openapi.yaml describes: part %s',
    async (part) => {
      const random = seeded(part);
      let sent = 0;
      const client = async (): Promise<void> => {
        while (sent < requests / batches) {
          sent += 1;
          const { method, path, headers, body, faults } = drawRequest(random);
          const token = tokens[intBelow(random, tokens.length)];
          // Throws if the document does not describe the reply.
          const reply = await vault.call(method, path, {
            ...(token !== undefined && { token }),
            ...(body !== undefined && { raw: body }),
            headers,
          });
          const about = `part ${part}: ${method} ${path} ${String(body).slice(0, 300)} → ${reply.text.slice(0, 300)}`;
          // On a busy machine a service may not answer in time. A reply or the status page may then
          // say so.
          if (reply.status === 503) slow += 1;
          expect([about, reply.status < 500 || reply.status === 503]).toEqual([about, true]);
          statuses.set(reply.status, (statuses.get(reply.status) ?? 0) + 1);
          if (reply.operationId !== undefined) reached.add(reply.operationId);
          if (faults > 0) faulty += 1;
        }
      };
      await Promise.all(Array.from({ length: clients }, client));
    },
  );

  it('reaches every operation at least once, and is answered with 503 in fewer than one of 200 cases', async () => {
    expect(reached.size).toBe(operations.length);
    expect(slow).toBeLessThan(requests / 200);
  });
});
