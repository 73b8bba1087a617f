import { expect, it } from '@jest/globals';
import { callStore } from '../../../functions/store/store-call.ts';
import { requestContext } from '../../support/requests.ts';
import { virtualClock } from '../../support/virtual-clock.ts';

it('the time of a store call is added to the store time of its request, even if the call fails', async () => {
  const clock = virtualClock();
  const context = requestContext({ clock });
  const answers = async () => {
    clock.advance(40);
    return { result: 'shown', units: 1 };
  };
  const fails = async () => {
    clock.advance(30);
    throw new Error('no answer');
  };
  expect(await callStore(context, 'Get', answers)).toBe('shown');
  clock.advance(100);
  await expect(callStore(context, 'Get', fails)).rejects.toThrow('no answer');
  expect(context.storeTime.ms()).toBe(70);
});
