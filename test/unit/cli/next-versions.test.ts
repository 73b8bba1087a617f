import { describe, expect, it } from '@jest/globals';
import { nextVersionFiles } from '../../../cli/files/next-versions.ts';
import { planFile } from '../../../functions/env/plan.ts';

describe('a file of next versions', () => {
  it('has a key of its own for each name, made from its last part', () => {
    const names = ['app.DB_PASSWORD', 'db.main', 'web.main', 'main', 'a.b-c', 'x.9', 'y.', '_'];
    expect(nextVersionFiles(names)).toMatchObject([
      {
        content: [
          '_=enc(_@next)',
          'main=enc(main@next)',
          'b_c=enc(a.b-c@next)',
          'DB_PASSWORD=enc(app.DB_PASSWORD@next)',
          'main_2=enc(db.main@next)',
          'main_3=enc(web.main@next)',
          '_9=enc(x.9@next)',
          'y=enc(y.@next)',
          '',
        ].join('\n'),
      },
    ]);
  });

  it('holds as many names as the vault allows, and further files hold the rest', () => {
    const names = Array.from({ length: 97 }, (_, index) => `app.N${index}`);
    const files = nextVersionFiles(names);
    const stored = files.map(({ names: own, content }) => {
      const values = new Map(own.map((name) => [name, 'v']));
      return planFile({ content, values, dialect: 'shell', mode: 'encrypt' }).create.length;
    });
    expect(stored).toEqual([48, 48, 1]);
  });

  it('is not made if there are no names', () => {
    expect(nextVersionFiles([])).toEqual([]);
  });
});
