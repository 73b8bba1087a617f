import { describe, expect, it } from '@jest/globals';
import { jsonBytes } from '../../../functions/env/sizes.ts';
import { reply, written } from '../../../functions/http/responses.ts';
import { limits, times } from '../../../functions/model/limits.ts';
import {
  isNamePattern,
  isNote,
  isSecretName,
  isTenant,
  isVersionNumber,
  tellsValue,
} from '../../../functions/model/types.ts';
import { versionSortKey } from '../../../functions/store/items.ts';
import { lambdaResultBytesMax } from '../../support/results.ts';

const lambdaTimeoutMs = 15_000;
const requestMs = 10_000;

describe('the limits', () => {
  it('let all names of the largest file, its idempotency record and two more actions fit into one transaction of DynamoDB', () => {
    expect(limits.fileNamesMax + 1 + 2).toBeLessThanOrEqual(100);
  });

  it('let all values and their other attributes fit into one transaction', () => {
    const besideBytes = 1_100;
    const used = limits.fileValuesBytesMax + limits.fileNamesMax * besideBytes;
    expect(used).toBeLessThan(4_000_000);
  });

  it('let a value fit into an item', () => {
    expect(limits.valueBytesMax + 1_100).toBeLessThan(400_000);
  });

  it('let the largest page of values, versions, names or details fit into a reply, whatever their characters', () => {
    // Room for numbers, instants, ids and property names next to a value or a version.
    const besideBytes = 500;
    const dearest = jsonBytes('\u0001'.repeat(limits.valueBytesMax), 2);
    const subject = jsonBytes('"'.repeat(limits.subjectBytesMax), 2);
    // A version has a note, and two subjects if somebody else destroyed it.
    const note = jsonBytes('"'.repeat(limits.noteBytesMax), 2);
    const versionBytes = 2 * subject + note + besideBytes;
    for (const page of [
      limits.valuesPageMax * (dearest + versionBytes),
      limits.versionsPageMax * versionBytes,
      limits.detailsPageMax * (versionBytes + limits.nameCharactersMax),
      limits.namesPageMax * (limits.nameCharactersMax + '\\"\\",'.length) + besideBytes,
    ]) {
      expect(page).toBeLessThan(limits.replyBytesMax);
    }
  });

  it('leave room for the headers of a reply in the largest result of a Lambda function', () => {
    const id = 'r'.repeat(128);
    const version = { name: 'N'.repeat(limits.nameCharactersMax), version: limits.versionMax };
    const headers = { Location: `secrets/${version.name}` };
    const { status, headers: all } = written(
      201,
      { ...version, writeId: 'w', validFrom: 0 },
      true,
      headers,
    );
    const result = reply({ status, text: '', headers: { ...all } }, id);
    const besideBytes = Buffer.byteLength(JSON.stringify(result));
    expect(limits.replyBytesMax + besideBytes).toBeLessThan(lambdaResultBytesMax);
  });

  it('let a value as base64, and a file with its values, fit into a body', () => {
    expect(limits.valueBytesMax * 2).toBeLessThan(limits.bodyBytesMax);
    expect(limits.fileBytesMax).toBeLessThan(limits.bodyBytesMax);
  });

  it('match the longest accepted name, pattern and tenant, and the largest version number', () => {
    const name = 'N'.repeat(limits.nameCharactersMax);
    expect([name, `${name}N`].map(isSecretName)).toEqual([true, false]);
    expect([`${name.slice(1)}*`, `${name}*`].map(isNamePattern)).toEqual([true, false]);
    const tenant = 't'.repeat(limits.tenantCharactersMax);
    expect([tenant, `${tenant}t`].map(isTenant)).toEqual([true, false]);
    const { versionMax } = limits;
    expect([versionMax, versionMax + 1].map(String).map(isVersionNumber)).toEqual([true, false]);
  });

  it('match the longest accepted note, and the shortest value that a note is searched for', () => {
    const note = 'n'.repeat(limits.noteBytesMax);
    expect([note, `${note}n`].map(isNote)).toEqual([true, false]);
    const value = new Uint8Array(limits.telltaleBytesMin).fill(0x6e);
    expect([value, value.slice(1)].map((each) => tellsValue(note, each))).toEqual([true, false]);
  });

  it('let the largest version number sort last', () => {
    const keys = [1, 9, 10, limits.versionMax - 1, limits.versionMax].map(versionSortKey);
    expect([...keys].sort()).toEqual(keys);
    expect(new Set(keys.map((key) => key.length)).size).toBe(1);
  });

  it('keep the default page size within the maximum', () => {
    expect(limits.versionsPageDefault).toBeLessThanOrEqual(limits.versionsPageMax);
    expect(limits.namesPageDefault).toBeLessThanOrEqual(limits.namesPageMax);
  });
});

describe('the time limits of a request', () => {
  it("follow each other, and end before the promised 10 s and well before Lambda's own limit", () => {
    const order = [
      times.kmsCallsUntilMs,
      times.newAttemptsUntilMs,
      times.attemptsEndMs,
      times.answerByMs,
      requestMs,
      lambdaTimeoutMs,
    ];
    expect([...order].sort((a, b) => a - b)).toEqual(order);
    expect(new Set(order).size).toBe(order.length);
  });

  it('give all attempts to connect together no more time than one unanswered call', () => {
    expect(times.connectMs * times.failedAttemptsMax).toBeLessThanOrEqual(times.storeCallMs);
  });

  it('keep idempotency records for at least twice the promised 24 hours', () => {
    expect(times.idempotencyKeptMs).toBeGreaterThanOrEqual(2 * 86_400_000);
  });
});
