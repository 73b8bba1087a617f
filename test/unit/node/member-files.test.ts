import { describe, expect, it } from '@jest/globals';
import { findLostWords } from '../../../local/node/member-files.ts';

describe('the files of a member', () => {
  it('are lost if etcd ends over a log that it cannot parse', () => {
    const line =
      '{"level":"fatal","caller":"etcdmain/etcd.go:157","msg":"discovery failed","error":"proto: cannot parse invalid wire-format data"}';
    expect(findLostWords(line)).toBeDefined();
  });

  it.each([
    '{"level":"panic","msg":"execute job failed","job":"server_applyAll","panic":"unmarshal should never fail (proto: cannot parse invalid wire-format data)"}',
    'panic: unmarshal should never fail (proto: cannot parse invalid wire-format data) [recovered]',
  ])('are kept if etcd 3.7 ends over an entry of etcd 3.4, as it says: %s', (line) => {
    expect(findLostWords(line)).toBeUndefined();
  });

  it('are kept if etcd only warns in the words with which it ends', () => {
    const line = '{"level":"warn","msg":"lost the connection","error":"unexpected EOF"}';
    expect(findLostWords(line)).toBeUndefined();
  });

  it('are lost if the member was removed, which etcd says as a warning', () => {
    const line = '{"level":"warn","msg":"data-dir used by this member must be removed"}';
    expect(findLostWords(line)).toBeDefined();
  });
});
