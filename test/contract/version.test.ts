/** package.json holds the only version, and the changelog has the form of Keep a Changelog. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import manifest from '../../package.json' with { type: 'json' };
import { versionedDocuments } from '../support/version.ts';

const { version } = manifest;

describe('the version of package.json', () => {
  it('is also the version in package-lock.json', () => {
    const lock = JSON.parse(readFileSync('package-lock.json', 'utf8'));
    expect([lock.version, lock.packages[''].version]).toEqual([version, version]);
  });

  it.each(versionedDocuments())(
    'is also the version in $file, as npm run fix writes it',
    ({ text, wanted }) => {
      expect(text).toBe(wanted);
      expect(text).toContain(version);
    },
  );
});

describe('CHANGELOG.md', () => {
  const changelog = readFileSync('CHANGELOG.md', 'utf8');
  const headings = [...changelog.matchAll(/^## (.+)$/gm)].map(([, heading]) => heading ?? '');
  const releases = headings.filter((heading) => heading !== 'Unreleased');

  it('starts with the unreleased changes, followed by each release with its date', () => {
    expect(headings.indexOf('Unreleased')).toBeLessThan(1);
    for (const heading of releases) {
      expect(heading).toMatch(/^\d+\.\d+\.\d+ - 20\d\d-[01]\d-[0-3]\d$/);
    }
    const numbers = releases.map((heading) => heading.split(' ')[0] ?? '');
    const inOrder = numbers.toSorted((a, b) => b.localeCompare(a, 'en', { numeric: true }));
    expect(numbers).toEqual(inOrder);
    expect(numbers[0]).toBe(version);
  });

  it('groups the changes by the six kinds of Keep a Changelog', () => {
    const kinds = [...changelog.matchAll(/^### (.+)$/gm)].map(([, kind]) => kind);
    const known = ['Added', 'Changed', 'Deprecated', 'Removed', 'Fixed', 'Security'];
    expect(kinds.filter((kind) => !known.includes(kind ?? ''))).toEqual([]);
    expect(kinds).not.toEqual([]);
  });
});
