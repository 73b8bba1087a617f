import { describe, expect, it } from '@jest/globals';
import { suggestionFor } from '../../../cli/requests/similar-names.ts';

const names = ['API_KEY', 'API_KEYS', 'DB_PASSWORD', 'S1', 'S2'];

describe('the suggestion for a name', () => {
  it.each([
    { title: 'exchanged letters', name: 'API_KYE', told: 'did you mean API_KEY?' },
    { title: 'a letter too few', name: 'APIKEY', told: 'did you mean API_KEY?' },
    { title: 'letters too many', name: 'DB_PASSSWORDS', told: 'did you mean DB_PASSWORD?' },
    { title: 'lower case', name: 's1', told: 'did you mean S1?' },
    {
      title: 'two names at the same distance',
      name: 'API_KEYX',
      told: 'did you mean one of API_KEY, API_KEYS?',
    },
    { title: 'other names of two letters', name: 'S3', told: undefined },
    { title: 'other names', name: 'SMTP_HOST', told: undefined },
    { title: 'the name itself in the list', name: 'API_KEY', told: undefined },
  ])('says $told for $title', ({ name, told }) => {
    expect(suggestionFor(name, names)).toBe(told);
  });

  it('has at most three names', () => {
    const many = ['KEY_A', 'KEY_B', 'KEY_C', 'KEY_D'];
    expect(suggestionFor('KEY_X', many)).toBe('did you mean one of KEY_A, KEY_B, KEY_C?');
  });
});
