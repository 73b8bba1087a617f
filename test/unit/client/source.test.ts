import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import {
  digestLine,
  operationsFile,
  operationsSource,
  typesFile,
} from '../../support/client-source.ts';

describe('the source of the client', () => {
  it('has the types of the current docs/openapi.yaml (npm run fix writes them)', () => {
    expect(readFileSync(typesFile, 'utf8').split('\n')[0]).toBe(digestLine());
  });

  it('has the operations of docs/openapi.yaml (npm run fix writes them)', () => {
    expect(readFileSync(operationsFile, 'utf8')).toBe(operationsSource());
  });
});
