/**
 * Asks every route of template.yaml about the caller's own secret, another tenant's secret, a secret hidden from the
 * caller, and one that never existed. The replies for the last three are equal byte for byte, except for the request
 * id.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readTemplate } from '../../local/host/template.ts';
import { printFigure } from '../support/figure.ts';
import {
  freshName,
  type Reply,
  type RunningVault,
  startVault,
  withoutRequestId,
} from '../support/running-vault.ts';
import type { Claims } from '../support/tokens.ts';

const targets = ['own', 'other tenant', 'outside names', 'never existed'] as const;
type Target = (typeof targets)[number];
type Row = {
  /** Asks about a name with the given token. */
  readonly ask: (token: string, name: string) => Promise<Reply>;
  /** The status for each target. Callers who may not see the secret all get the same reply. */
  readonly statuses: Readonly<Record<Target, number>>;
};

let vault: RunningVault;
let cells = 0;

const lookUp = { own: 200, 'other tenant': 404, 'outside names': 404, 'never existed': 404 };
const everyone = { own: 200, 'other tenant': 200, 'outside names': 200, 'never existed': 200 };
/** A create depends only on its own tenant, and reports nothing about hidden names, not even that they are free. */
const make = (success: number) => ({
  own: 409,
  'other tenant': success,
  'outside names': 403,
  'never existed': success,
});
const body = (content: string) => ({ content });

const rows: Readonly<Record<string, Row>> = {
  'create-secret': {
    ask: (token, name) =>
      vault.call('POST', '/v1/secrets', { token, body: { name, value: 'canary' } }),
    statuses: make(201),
  },
  'update-secret': {
    ask: (token, name) => vault.call('PUT', `/v1/secrets/${name}`, { token, body: { value: 'x' } }),
    statuses: lookUp,
  },
  'get-secret': {
    ask: (token, name) => vault.call('GET', `/v1/secrets/${name}`, { token }),
    statuses: lookUp,
  },
  'list-versions': {
    ask: (token, name) => vault.call('GET', `/v1/secrets/${name}/versions`, { token }),
    statuses: lookUp,
  },
  'list-secrets': {
    ask: (token, name) => vault.call('GET', `/v1/secrets?prefix=${name}`, { token }),
    statuses: everyone,
  },
  'submit-env': {
    ask: (token, name) =>
      vault.call('POST', '/v1/env', { token, body: body(`A=secret(${name})\n`) }),
    statuses: lookUp,
  },
  'encrypt-env': {
    ask: (token, name) =>
      vault.call('POST', '/v1/env/encrypt', { token, body: body(`${name}=x\nA=enc(${name})\n`) }),
    statuses: make(200),
  },
  'expand-env': {
    ask: (token, name) =>
      vault.call('POST', '/v1/env/expand', { token, body: body(`A=secret(${name})\n`) }),
    statuses: lookUp,
  },
  'get-status': { ask: (token) => vault.call('GET', '/v1/status', { token }), statuses: everyone },
  'get-health': { ask: () => vault.call('GET', '/health'), statuses: everyone },
};

describe('the isolation of callers', () => {
  beforeAll(async () => {
    vault = await startVault();
  });
  afterAll(async () => {
    printFigure('isolation', `${cells} cells of the matrix, equal but for the request id`);
    await vault.stop();
  });

  it('covers every route of the template and no other', async () => {
    const { routes } = await readTemplate('template.yaml');
    expect(Object.keys(rows).sort()).toEqual(routes.map(({ operation }) => operation).sort());
  });

  /** A new name with its owner, if any, and the token of the asking caller. */
  const cellOf = async (target: Target): Promise<{ token: string; name: string }> => {
    const name = freshName();
    const owner = vault.token({ tenant: 'acme' });
    if (target !== 'never existed') {
      const sent = { token: owner, body: { name, value: 'the-canary' } };
      expect((await vault.call('POST', '/v1/secrets', sent)).status).toBe(201);
    }
    const claims: Readonly<Record<Target, Claims>> = {
      own: { tenant: 'acme' },
      'other tenant': { tenant: 'globex' },
      'outside names': { tenant: 'acme', names: ['SOMETHING_ELSE', 'PREFIX.*'] },
      'never existed': { tenant: 'acme' },
    };
    return { token: vault.token(claims[target]), name };
  };
  /** A reply as text without what always differs: request id, requested name, latency, instants. */
  const textOf = (reply: Reply, name: string): string =>
    withoutRequestId(reply)
      .replaceAll(name, 'NAME')
      .replace(/"latencyMs":\d+/, '"latencyMs":0')
      .replace(/content-length: \d+/, 'content-length: 0')
      .replace(/"validFrom":"[^"]+"/, '"validFrom":""');

  describe.each(Object.entries(rows))('at %s', (_, { ask, statuses }) => {
    // Shows G7.
    it('holds in every cell of the matrix', async () => {
      const texts = new Map<Target, string>();
      for (const target of targets) {
        const { token, name } = await cellOf(target);
        const reply = await ask(token, name);
        cells += 1;
        expect([target, reply.status]).toEqual([target, statuses[target]]);
        if (target !== 'own') expect(reply.text).not.toContain('the-canary');
        texts.set(target, textOf(reply, name));
      }
      const never = texts.get('never existed');
      expect(texts.get('other tenant')).toBe(never);
      if (statuses['outside names'] !== 403) expect(texts.get('outside names')).toBe(never);
    });

    // Shows G7.
    it('gives equal answers for existing and free hidden names', async () => {
      const { token, name } = await cellOf('outside names');
      const taken = await ask(token, name);
      const free = freshName();
      expect(textOf(await ask(token, free), free)).toBe(textOf(taken, name));
    });
  });
});
