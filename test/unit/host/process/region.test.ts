import { expect, it } from '@jest/globals';
import { regionIn } from '../../../../host/process/region.ts';

it.each([
  [{}, 'us-east-1'],
  [{ AWS_DEFAULT_REGION: 'eu-west-2' }, 'eu-west-2'],
  [{ AWS_DEFAULT_REGION: 'eu-west-2', AWS_REGION: 'eu-west-3' }, 'eu-west-3'],
  [{ AWS_DEFAULT_REGION: 'eu-west-2', AWS_REGION: '' }, 'eu-west-2'],
])('programs use, with the variables %j, the Region %s', (variables, region) => {
  expect(regionIn(variables)).toBe(region);
});
