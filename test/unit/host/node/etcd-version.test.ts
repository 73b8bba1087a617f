import { expect, it } from '@jest/globals';
import { isKnownToReadStale } from '../../../../host/node/etcd-version.ts';

it.each(['3.3.27', '3.4.23', '3.4.41', '3.5.27', '3.6.8', 'v3.6.0-rc.1', '2.3.8'])(
  'etcd %s is known to return stale reads',
  (version) => expect(isKnownToReadStale(version)).toBe(true),
);

it.each(['3.4.42', '3.5.28', '3.5.100', '3.6.9', '3.6.16', '3.7.0', '3.7.3', '3.10.1', '4.0.0'])(
  'etcd %s is not known to return stale reads',
  (version) => expect(isKnownToReadStale(version)).toBe(false),
);

it('an etcd whose version cannot be parsed is not known to return stale reads', () => {
  expect(isKnownToReadStale('')).toBe(false);
});
