import { describe, expect, it } from '@jest/globals';
import { bridgeAddressOf } from '../../../../local/containers/container-host.ts';

describe('the address of this machine on a Docker bridge', () => {
  it('equals the gateway that Docker reports', () => {
    expect(bridgeAddressOf('[{"Subnet":"172.17.0.0/16","Gateway":"172.17.0.9"}]')).toBe(
      '172.17.0.9',
    );
  });

  it('is the first one of the subnet if Docker reports no gateway yet', () => {
    expect(bridgeAddressOf('[{"Subnet":"172.17.0.0/16"}]')).toBe('172.17.0.1');
    expect(bridgeAddressOf('[{"Subnet":"10.0.0.128/25","Gateway":""}]')).toBe('10.0.0.129');
  });

  it('is the IPv4 address if the bridge has an IPv6 subnet too', () => {
    const both = '[{"Subnet":"fd00::/80","Gateway":"fd00::1"},{"Subnet":"172.18.0.0/16"}]';
    expect(bridgeAddressOf(both)).toBe('172.18.0.1');
  });

  it('is undefined if Docker reports no gateway and no subnet', () => {
    expect(bridgeAddressOf('[]')).toBeUndefined();
  });
});
