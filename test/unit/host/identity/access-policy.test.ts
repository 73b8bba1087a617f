import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { createIdentity, type Identity } from '../../../../functions/http/identity.ts';
import { machineClock } from '../../../../functions/runtime/clock.ts';
import { followPolicyFile } from '../../../../host/identity/access-policy.ts';
import { ed25519, keySet, publicJwk } from '../../../support/issuer.ts';
import { createKeptLog, type KeptLog } from '../../../support/kept-log.ts';
import { freshFolder } from '../../../support/local-process.ts';

const policyWith = (name: string): string => `issuers:
  - id: ci
    issuer: https://i.test
    audiences: [vault]
    jwks: ${keySet(publicJwk(ed25519()))}
    algorithms: [EdDSA]
    rules:
      - match: { sub: ci }
        tenant: acme
        subject: ci
        scopes: [secrets:read]
        names: [${name}]
`;
const localKey = 'issuers: [{ id: local, localKey: true }]\n';
const jwks = keySet(publicJwk(ed25519()));

describe('the policy file of a local host', () => {
  let file: string;
  let identity: Identity;
  let kept: KeptLog;
  let reported: string[];
  let close: (() => void) | undefined;
  const follow = () => {
    const followed = followPolicyFile(
      file,
      jwks,
      users((line) => reported.push(line)),
    );
    close = followed.close;
    return followed;
  };
  const users = (report: (line: string) => void) => ({ identity, log: kept, report });
  const logged = () => kept.taken();

  beforeEach(() => {
    jest.useFakeTimers();
    file = join(freshFolder(), 'access.yaml');
    [identity, kept, reported] = [createIdentity(machineClock), createKeptLog(), []];
  });
  afterEach(() => {
    close?.();
    jest.useRealTimers();
  });

  it('applies from the start of the host, which logs the digest of the policy', () => {
    writeFileSync(file, policyWith('A'));
    expect(follow().takesLocalTokens).toBe(false);
    expect(identity.state()).toMatchObject({ source: 'file', fault: null });
    expect(identity.state()?.digest).toMatch(/^[\w-]{43}$/);
    expect(logged()).toMatchObject([
      {
        ...{ level: 'INFO', message: 'policy', source: 'file', digest: identity.state()?.digest },
        since: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      },
    ]);
    expect(reported).toEqual([]);
  });

  it('decides whether the tokens of this machine are accepted', () => {
    writeFileSync(file, localKey);
    expect(follow().takesLocalTokens).toBe(true);
  });

  it('prevents the start of the host if it is missing or faulty', () => {
    const named = 'AUTH_POLICY_FILE names this file: correct the variable or the file';
    expect(follow).toThrow(`the access policy ${file} cannot be read (ENOENT); ${named}`);
    writeFileSync(file, policyWith('.'));
    expect(follow).toThrow(
      `${file}: line 12: issuers[0].rules[0].names[0] is not a name pattern: write a name, the beginning of names and *, or *; ${named}`,
    );
    writeFileSync(file, policyWith('A').replace(/jwks: .*/, 'jwks: { keys: [{ kty: oct }] }'));
    expect(follow).toThrow(`${file}: the key set may contain only public keys`);
  });

  it('applies within 10 s of a change', () => {
    writeFileSync(file, policyWith('A'));
    follow();
    const { digest } = identity.state() ?? {};
    writeFileSync(`${file}.new`, policyWith('B'));
    renameSync(`${file}.new`, file);
    jest.advanceTimersByTime(10_000);
    expect(identity.state()?.digest).not.toBe(digest);
    expect(logged()).toMatchObject([{ digest }, { digest: identity.state()?.digest }]);
    jest.advanceTimersByTime(60_000);
    expect(logged()).toEqual([]);
  });

  it('is not read any more after the host has ended', () => {
    writeFileSync(file, policyWith('A'));
    follow().close();
    writeFileSync(file, policyWith('B'));
    jest.advanceTimersByTime(60_000);
    expect(logged()).toHaveLength(1);
  });

  it('is not applied while an editor is still writing it', () => {
    const text = policyWith('A');
    writeFileSync(file, text);
    follow();
    const { digest } = identity.state() ?? {};
    for (let length = 1; length < 8; length += 1) {
      writeFileSync(file, `${text}# ${'x'.repeat(length)}`);
      jest.advanceTimersByTime(2_000);
    }
    expect(identity.state()?.digest).toBe(digest);
    expect(logged()).toHaveLength(1);
  });

  it.each([
    ['faulty', () => writeFileSync(file, policyWith('.')), 'is not a name pattern'],
    ['lost', () => rmSync(file), 'cannot be read (ENOENT)'],
    [
      'one with unfit keys',
      () =>
        writeFileSync(file, policyWith('A').replace(/jwks: .*/, 'jwks: { keys: [{ kty: x }] }')),
      'the key set may contain only public keys',
    ],
  ])(
    'keeps its last good content in use if it becomes %s, with one warning',
    (_, change, fault) => {
      const text = policyWith('A');
      writeFileSync(file, text);
      follow();
      const before = identity.state();
      logged();
      change();
      jest.advanceTimersByTime(60_000);
      expect(identity.state()).toEqual({ ...before, fault: expect.stringContaining(fault) });
      expect(logged()).toMatchObject([
        { level: 'WARN', message: 'policy', fault: expect.stringContaining(fault) },
      ]);
      writeFileSync(file, text);
      jest.advanceTimersByTime(10_000);
      expect(identity.state()).toMatchObject({ digest: before?.digest, fault: null });
      expect(logged()).toMatchObject([{ level: 'INFO', digest: before?.digest }]);
    },
  );

  it('is applied in its changed form even if it changed while the host was starting', () => {
    const text = policyWith('A');
    writeFileSync(file, text + text.slice(text.indexOf('      - match')));
    // The host reports unreachable rules after it has read the file, so the callback is a moment at
    // which the file can change during the start.
    const { close: end } = followPolicyFile(
      file,
      jwks,
      users(() => writeFileSync(file, text)),
    );
    close = end;
    const { digest } = identity.state() ?? {};
    jest.advanceTimersByTime(10_000);
    expect(identity.state()?.digest).not.toBe(digest);
  });

  it('causes a report of rules that no token can reach', () => {
    const text = policyWith('A');
    writeFileSync(file, text + text.slice(text.indexOf('      - match')));
    follow();
    expect(reported).toEqual([expect.stringContaining('issuers[0].rules[1] is never reached')]);
  });
});
