import { describe, expect, it } from '@jest/globals';
import {
  bodyOf,
  filesOf,
  sentencesAbout,
} from '../../../cli/console/page/workbench/env-requests.ts';
import { planFile } from '../../../functions/env/plan.ts';

const choices = {
  mode: undefined,
  dialect: 'shell',
  at: Date.UTC(2026, 10, 24, 14, 31),
  pin: true,
  note: 'why',
} as const;
const values = new Map([['X', '1']]);
const reply = {
  content: 'A=v\n',
  created: [],
  resolved: [{ name: 'X', version: 3 }],
  warnings: [],
};

describe('the body of a request that the env view sends', () => {
  it('has an instant and pins only for expand, and a note only for submit and encrypt', () => {
    const common = { content: 'A=1', dialect: 'shell' };
    expect(bodyOf({ mode: 'expand', values: new Map() }, 'A=1', choices, false)).toEqual({
      ...common,
      at: '2026-11-24T14:31:00.000Z',
      pin: true,
    });
    expect(bodyOf({ mode: 'submit', values }, 'A=1', choices, true)).toEqual({
      ...common,
      dryRun: true,
      note: 'why',
      values: { X: '1' },
    });
  });

  it('omits options that are not set', () => {
    const empty = { ...choices, at: undefined, pin: false, note: '' };
    for (const mode of ['encrypt', 'expand'] as const) {
      const body = bodyOf({ mode, values: new Map() }, 'A=1', empty, false);
      expect(body).toEqual({ content: 'A=1', dialect: 'shell' });
    }
  });
});

describe('the sentences about an answer', () => {
  const one = [{ name: 'X', version: 1 }];
  const two = [...one, { name: 'Y', version: 1 }];
  it.each([
    [[], one, false, 'Read 1 secret.'],
    [[], [], false, 'Read 0 secrets.'],
    [two, [], false, 'Stored 2 secrets.'],
    [one, two, false, 'Stored 1 secret. Read 2 secrets.'],
    [one, [], true, 'It would store 1 secret. Nothing was stored: this was a dry run.'],
    [
      one,
      two,
      true,
      'Read 2 secrets. It would store 1 secret. Nothing was stored: this was a dry run.',
    ],
  ])(
    'count the created secrets, %j, and the read ones, %j',
    (created, resolved, isDryRun, expected) => {
      expect(sentencesAbout({ content: '', created, resolved, warnings: [] }, isDryRun)).toBe(
        expected,
      );
    },
  );
});

describe('the files of an answer', () => {
  const plan = planFile({
    content: 'A=secret(X)\n',
    values: new Map(),
    dialect: 'shell',
    mode: 'expand',
  });

  it('contain values if secrets were read, and can also be shown without them', () => {
    expect(filesOf('expand', plan, reply)).toEqual([
      expect.objectContaining({ content: 'A=v\n', masked: 'A=••••••••\n', holdsValues: true }),
    ]);
    expect(filesOf('expand', plan, { ...reply, resolved: [] })).toEqual([
      expect.objectContaining({ content: 'A=v\n', masked: 'A=v\n', holdsValues: false }),
    ]);
  });

  it('are titled as a possible result after a dry run', () => {
    const dryRun = filesOf('encrypt', plan, { ...reply, resolved: [] }, true);
    expect(dryRun).toMatchObject([{ title: 'The file as it would become' }]);
  });

  it('include the pinned file, which contains no values', () => {
    const [, pinned] = filesOf('expand', plan, { ...reply, pinned: 'A=secret(X@3)\n' });
    expect(pinned).toMatchObject({
      masked: 'A=secret(X@3)\n',
      holdsValues: false,
      fileName: 'pinned.env',
    });
  });
});
