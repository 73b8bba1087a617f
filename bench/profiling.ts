/** Profiles the programs under load, one operation at a time (`--profile FOLDER`). */
import { existsSync, mkdirSync, renameSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import type { Operation } from './operations.ts';
import { type Cost, costsOf, type Profile, readProfile } from './profiles.ts';
import { shown, tableOf } from './report.ts';
import type { Subject } from './subjects.ts';

/** The kinds of process that are Node programs. */
const profiled = new Set(['node', 'cluster']);
const profileMs = 6_000;
const writtenLimitMs = 30_000;
const costsShown = 20;

/** Makes all programs ready for profiles that this process starts from now on. Call it before starting them. */
export const readyProfiles = (folder: string): string => {
  const whole = resolve(folder);
  mkdirSync(whole, { recursive: true });
  const profiler = pathToFileURL(join(import.meta.dirname, 'profiler.ts')).href;
  process.env['NODE_OPTIONS'] = `--import=${profiler}`;
  process.env['BENCH_PROFILES'] = whole;
  return whole;
};

const untilThere = async (file: string): Promise<void> => {
  const until = performance.now() + writtenLimitMs;
  while (!existsSync(file)) {
    if (performance.now() > until) throw new Error(`${file} was not written`);
    await sleep(50);
  }
};

const costsTable = (title: string, costs: readonly Cost[]): string => {
  const rows = costs.slice(0, costsShown).map(({ what, part }) => [what, `${shown(part * 100)} %`]);
  return tableOf([[title, ''], ...rows], 1);
};

/**
 * Profiles the operation that `subject` has prepared. Writes a file for each process, which viewers show as a flame
 * graph. Returns the costs of the vault's own processes.
 */
export const profile = async (
  subject: Subject,
  operation: Operation,
  clients: number,
  folder: string,
): Promise<string> => {
  const programs = subject.processes.filter(({ kind }) => profiled.has(kind));
  const signal = () => {
    for (const { pid } of programs) process.kill(pid, 'SIGUSR2');
  };
  signal();
  await subject.run(clients, profileMs);
  signal();
  const own: Profile[] = [];
  for (const { pid, kind } of programs) {
    const written = join(folder, `${pid}.cpuprofile`);
    await untilThere(written);
    const file = join(folder, `${operation}-${kind}-${pid}.cpuprofile`);
    renameSync(written, file);
    if (kind === 'node') own.push(readProfile(file));
  }
  const { byPlace, byFunction } = costsOf(own);
  return [
    costsTable(`${operation}: modules of the node, with what they asked of Node`, byPlace),
    costsTable(`${operation}: functions of the node, by themselves`, byFunction),
  ].join('\n\n');
};
