/** Reads the values of a registry by name and labels, as a scrape would show them. */
import type { Registry } from 'prom-client';

export const metricsIn = async (registry: Registry): Promise<Readonly<Record<string, number>>> => {
  const text = await registry.metrics();
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  const entries = lines.map((line): [string, number] => {
    const [, name = '', labels, value] = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
    const words = labels?.replaceAll('"', '').split(',') ?? [];
    return [[name, ...words].join(' '), Number(value)];
  });
  return Object.fromEntries(entries);
};
