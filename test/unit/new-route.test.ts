/**
 * CONTRIBUTING.md names the files that must be edited for a new route: those that mention
 * explain-secret, its command or its view.
 */
import { globSync, readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';

const section = /^## A new route\n(.*?)(?=^## |$(?![\s\S]))/ms.exec(
  readFileSync('CONTRIBUTING.md', 'utf8'),
)?.[1];
const named = [...(section ?? '').matchAll(/`([\w./{},-]+\.\w+)`/g)].flatMap(([, files = '']) => {
  const found = globSync(files);
  return found.length > 0 ? found : [`${files} (no such file)`];
});

const trees = '{functions,host,local,cli,client,system,action,bench,test,docs}';
const files = [
  ...globSync('*.{js,json,yaml}'),
  ...globSync(`${trees}/**/*.{ts,tsx,js,py,yaml,txt}`),
];
const mentions = /explain-?secret|(?:commands|secret)\/explain\.ts/i;

describe('the section on a new route in CONTRIBUTING.md', () => {
  it('names each file that mentions the route explain-secret, and no other file', () => {
    const mentioning = files.filter(
      (file) => mentions.test(file) || mentions.test(readFileSync(file, 'utf8')),
    );
    const others = mentioning.filter((file) => !file.endsWith('unit/new-route.test.ts'));
    expect(named.toSorted()).toEqual(others.toSorted());
  });
});
