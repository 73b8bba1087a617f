/**
 * Reads metrics with Prometheus's own parser, a program in Go. The binary is kept in
 * `.local/metrics`.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect } from '@jest/globals';

const source = join(process.cwd(), 'test/proof/metrics/parser');
const program = join(process.cwd(), '.local/metrics/read');

/** Throws with the output of Go if the parser cannot be built. */
export const buildParser = (): void => {
  mkdirSync(dirname(program), { recursive: true });
  const env = { ...process.env, GOTOOLCHAIN: 'local' };
  execFileSync('go', ['build', '-o', program, '.'], { cwd: source, env, stdio: 'pipe' });
};

export type Scrape = {
  readonly text: string;
  /** The types of the metrics, by name. */
  readonly types: Readonly<Record<string, string>>;
  /** The values by name and labels, in the notation of PromQL. */
  readonly samples: Readonly<Record<string, number>>;
};

/**
 * Scrapes as Prometheus does. Fails if the parser rejects the text, or if the linter finds a
 * problem with our names.
 */
export const scrape = async (url: string): Promise<Scrape> => {
  const reply = await fetch(url);
  expect(reply.status).toBe(200);
  expect(reply.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
  const text = await reply.text();
  const { types, samples, problems } = JSON.parse(
    execFileSync(program, { input: text, encoding: 'utf8' }),
  );
  // The names that begin with nodejs_ come from the library.
  const ours = (problems ?? []).filter(({ Metric }: { Metric: string }) => /^vault/.test(Metric));
  expect(ours).toEqual([]);
  const numbers = Object.entries(samples).map(([sample, value]) => [sample, Number(value)]);
  return { text, types, samples: Object.fromEntries(numbers) };
};

/** Returns our counters that have risen, with the difference. Fails if one has fallen. */
export const increases = (before: Scrape, after: Scrape): Readonly<Record<string, number>> => {
  const risen: Record<string, number> = {};
  for (const [sample, value] of Object.entries(after.samples)) {
    const isCounter = /^vault_\w+_(total|count)\b/.test(sample);
    const rise = value - (before.samples[sample] ?? 0);
    if (isCounter) expect([sample, rise]).toEqual([sample, Math.max(0, rise)]);
    if (isCounter && rise > 0) risen[sample] = rise;
  }
  return risen;
};
