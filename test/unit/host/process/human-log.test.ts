import { describe, expect, it } from '@jest/globals';
import { humanLine, humanLines } from '../../../../host/process/human-log.ts';

const request = {
  ...{ level: 'INFO', message: 'request', timestamp: '2026-11-24T17:10:29.746Z' },
  ...{ service: 'vault', requestId: '103e62f8', operation: 'get-secret', tenant: 'demo' },
  ...{ subject: 'you', secret: 'DB_PASSWORD', version: 2, outcome: 'ok', status: 200 },
  ...{ attempts: 0, storeCalls: 1, kmsCalls: 1, units: 2, ms: 7.3 },
};
const line = (change: object) => humanLine(`${JSON.stringify({ ...request, ...change })}\n`);
const time = new Date(request.timestamp).toTimeString().slice(0, 8);

describe('the log at a terminal', () => {
  it('shows one short line for a request', () => {
    expect(line({})).toBe(`${time}  200  get-secret  DB_PASSWORD@2  demo/you  7.3 ms\n`);
    const health = { tenant: undefined, subject: undefined, secret: undefined, version: undefined };
    expect(line({ ...health, operation: 'get-health' })).toBe(`${time}  200  get-health  7.3 ms\n`);
  });

  it('shows a deletion, a destruction and a read that is answered with 304', () => {
    const told = [
      { operation: 'delete-secret', version: undefined },
      { operation: 'destroy-version', version: 1 },
      { status: 304 },
    ].map(line);
    expect(told).toEqual([
      `${time}  200  delete-secret  DB_PASSWORD  demo/you  7.3 ms\n`,
      `${time}  200  destroy-version  DB_PASSWORD@1  demo/you  7.3 ms\n`,
      `${time}  304  get-secret  DB_PASSWORD@2  demo/you  7.3 ms\n`,
    ]);
  });

  it('shows that an access policy is in use, or why not', () => {
    const policy = (fault?: string) => line({ message: 'policy', fault });
    expect(policy()).toBe(`${time}  the access policy is in use\n`);
    expect(policy('access.yaml:\nlost')).toBe(`${time}  warning: access.yaml:\\u{a}lost\n`);
  });

  it('shows what is wrong with the master key file', () => {
    expect(line({ message: 'master key', fault: 'kms.json is missing' })).toBe(
      `${time}  warning: kms.json is missing\n`,
    );
  });

  it('shows how long the certificate is valid, or why it needs attention', () => {
    const certificate = { message: 'certificate', endsAt: '2026-12-24T00:00:00.000Z' };
    expect(line({ ...certificate, fault: null })).toBe(
      `${time}  the certificate is in use, and ends at 2026-12-24T00:00:00.000Z\n`,
    );
    expect(line({ ...certificate, fault: 'it ends' })).toBe(`${time}  warning: it ends\n`);
  });

  it('shows why a request was refused, and the cause and request id of a fault', () => {
    const missing = { status: 404, code: 'not_found', version: undefined };
    expect(line({ ...missing, why: 'hidden', cause: 'Error' })).toBe(
      `${time}  404  get-secret  DB_PASSWORD  not_found (hidden)  demo/you  7.3 ms\n`,
    );
    const fault = { status: 503, code: 'master_key_unavailable', cause: 'DisabledException' };
    expect(line(fault)).toBe(
      `${time}  503  get-secret  DB_PASSWORD@2  master_key_unavailable (DisabledException)  demo/you  7.3 ms  request 103e62f8\n`,
    );
  });

  it('shows a decision that needs attention, and leaves out other decisions', () => {
    expect(line({ message: 'decision', decision: 'key_fault' })).toBe(
      `${time}  warning: key_fault in get-secret  request 103e62f8\n`,
    );
    expect(line({ message: 'decision', decision: 'destroyed' })).toBe('');
    expect(line({ message: 'continued' })).toBe('');
  });

  it('shows several lines that are written together', () => {
    const first = JSON.stringify({ ...request, status: 304 });
    const hidden = JSON.stringify({ ...request, message: 'continued' });
    const third = JSON.stringify(request);
    expect(humanLines(`${first}\n${hidden}\n${third}\n`)).toBe(
      `${line({ status: 304 })}${line({})}`,
    );
  });

  it('escapes control characters', () => {
    expect(line({ subject: 'a\u001b[2Jb\nc' })).toContain('demo/a\\u{1b}[2Jb\\u{a}c  7.3 ms\n');
  });

  it('shows lines unchanged that are not entries of the log', () => {
    for (const text of ['vault listening on http://127.0.0.1:3000\n', '{"a":1}\n', '{half', '']) {
      expect(humanLine(text)).toBe(text);
    }
  });
});
