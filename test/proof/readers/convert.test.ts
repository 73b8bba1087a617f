import { describe, expect, it } from '@jest/globals';
import { convertFile } from '../../../functions/env/convert.ts';
import { seed } from '../../support/seed.ts';
import { foreignBlocks } from './lines.ts';
import { readersOf, sorted, textDialects } from './readers.ts';

const blocks = foreignBlocks(4_000, seed);

describe('a converted file', () => {
  it.each(textDialects)(
    'means to the readers of its new dialect what it meant before to the readers of %s',
    (from) => {
      const others = textDialects.filter((dialect) => dialect !== from);
      const files = blocks.flatMap(({ text }, index) => {
        const before = `${text}Z=1\n`;
        const to = others[index % others.length] ?? from;
        const { content, errors } = convertFile(before, { from, to });
        return errors.length > 0 ? [] : [{ before, content, to }];
      });
      expect(files.length).toBeGreaterThan(500);
      const readings = readersOf[from].map(({ read }) => read(files.map(({ before }) => before)));
      const meant = files.map((_, index) => readings.map((found) => sorted(found[index] ?? '')));
      for (const dialect of others) {
        const own = [...files.entries()].filter(([, { to }]) => to === dialect);
        for (const { name, read } of readersOf[dialect]) {
          const found = read(own.map(([, { content }]) => content));
          for (const [at, [index, file]] of own.entries()) {
            const seen = { name, seed, ...file };
            const each = readings.map(() => sorted(found[at] ?? ''));
            expect({ ...seen, each }).toEqual({ ...seen, each: meant[index] });
          }
        }
      }
    },
  );
});
