import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import {
  digestLine,
  operationsFile,
  operationsSource,
  typesFile,
} from '../../support/client-source.ts';

describe('the client', () => {
  it('has types of the present docs/openapi.yaml, or npm run fix makes them', () => {
    expect(readFileSync(typesFile, 'utf8').split('\n')[0]).toBe(digestLine());
  });

  it('knows the operations of docs/openapi.yaml, or npm run fix makes them', () => {
    expect(readFileSync(operationsFile, 'utf8')).toBe(operationsSource());
  });
});
