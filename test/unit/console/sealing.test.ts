import { describe, expect, it } from '@jest/globals';
import { deriveKey, purposeOfAnswer, seal, unseal } from '../../../cli/console/sealing.ts';

const purpose = '/actions/create-secret';
const content = { value: 'hunter2' };

describe('a sealed document', () => {
  it('opens with its own key and purpose', async () => {
    const key = await deriveKey('the secret');
    expect(await unseal(key, await seal(key, content, purpose), purpose)).toEqual(content);
    const twice = await Promise.all([1, 2].map(() => seal(key, content, purpose)));
    expect(twice[0]).not.toEqual(twice[1]);
  });

  it('does not open with another key, purpose or part number, or after a change', async () => {
    const [key, other] = [await deriveKey('the secret'), await deriveKey('another secret')];
    const [request, second] = [
      await seal(key, content, purpose),
      await seal(key, content, purpose),
    ];
    const answer = await seal(key, content, purposeOfAnswer(request, 0));
    expect(await unseal(key, answer, purposeOfAnswer(request, 0))).toEqual(content);
    const tries = [
      unseal(other, request, purpose),
      unseal(key, request, '/actions/delete-secret'),
      unseal(key, answer, purposeOfAnswer(request, 1)),
      unseal(key, answer, purposeOfAnswer(second, 0)),
      unseal(key, answer, purpose),
      ...[0, 12, 20, request.length - 1].map((at) =>
        unseal(
          key,
          request.map((byte, index) => (index === at ? byte ^ 1 : byte)),
          purpose,
        ),
      ),
      ...[0, 11, 12, 27].map((length) => unseal(key, request.slice(0, length), purpose)),
    ];
    const outcomes = await Promise.allSettled(tries);
    expect(outcomes.map(({ status }) => status)).toEqual(tries.map(() => 'rejected'));
  });
});
