/** package.json holds the only version, and the changelog has the form of Keep a Changelog. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import manifest from '../../package.json' with { type: 'json' };
import { lastRelease } from '../support/released.ts';
import { versionedDocuments } from '../support/version.ts';

const { version } = manifest;
const byNumber = (a: string, b: string): number => a.localeCompare(b, 'en', { numeric: true });

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
  const dated = headings.filter((heading) => heading !== 'Unreleased');
  const numbers = dated.map((heading) => heading.split(' ')[0] ?? '');

  it('has a section with a date for each release, the newest first', () => {
    for (const heading of dated) {
      expect(heading).toMatch(/^\d+\.\d+\.\d+ - 20\d\d-[01]\d-[0-3]\d$/);
    }
    expect(numbers).toEqual(numbers.toSorted(byNumber).toReversed());
  });

  it('begins with the version, or with unreleased changes while the version is later than the last release', () => {
    const [number = '', development] = version.split('-');
    if (development === undefined) {
      expect([headings[0], numbers[0]]).toEqual([dated[0], version]);
      return;
    }
    expect([headings.indexOf('Unreleased'), development]).toEqual([0, 'dev']);
    expect(byNumber(number, numbers[0] ?? '')).toBeGreaterThan(0);
    expect(lastRelease.version).toBe(numbers[0]);
  });

  it('groups the changes by the six kinds of Keep a Changelog', () => {
    const kinds = [...changelog.matchAll(/^### (.+)$/gm)].map(([, kind]) => kind);
    const known = ['Added', 'Changed', 'Deprecated', 'Removed', 'Fixed', 'Security'];
    expect(kinds.filter((kind) => !known.includes(kind ?? ''))).toEqual([]);
    expect(kinds).not.toEqual([]);
  });
});
