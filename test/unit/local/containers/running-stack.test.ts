import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { findStack, forgetStack, rememberStack } from '../../../../local/containers/running.ts';
import { freshFolder } from '../../../support/local-process.ts';

const stack = {
  tableName: 'vault',
  masterKeyId: 'arn:aws:kms:us-east-1:000000000000:key/1',
  endpoints: { dynamodb: 'http://host:1', kms: 'http://host:2' },
  localEndpoints: { dynamodb: 'http://127.0.0.1:1', kms: 'http://127.0.0.1:2' },
  samPrograms: '/somewhere/bin',
  failed: new Promise<Error>(() => undefined),
  close: async () => undefined,
};

describe('the stack of a folder', () => {
  it('exists while the process that keeps it runs', () => {
    const folder = freshFolder();
    expect(findStack(folder)).toBeUndefined();
    rememberStack(folder, stack);
    const { failed, close, ...told } = stack;
    expect(findStack(folder)).toMatchObject(told);
    forgetStack(folder);
    expect(findStack(folder)).toBeUndefined();
  });

  it('vanishes if that process was killed', () => {
    const folder = freshFolder();
    const { failed, close, ...told } = stack;
    const process = { pid: 1, startTime: 'of another' };
    writeFileSync(join(folder, 'stack.json'), JSON.stringify({ process, ...told }));
    expect(findStack(folder)).toBeUndefined();
  });
});
