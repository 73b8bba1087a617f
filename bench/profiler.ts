/**
 * Loaded before a measured program (`NODE_OPTIONS=--import`). SIGUSR2 begins a CPU profile; the next SIGUSR2 ends it
 * and writes it into the folder `BENCH_PROFILES`, in a file named by the process.
 */
import { renameSync, writeFileSync } from 'node:fs';
import { Session } from 'node:inspector/promises';
import { join } from 'node:path';

const file = join(process.env['BENCH_PROFILES'] ?? '.', `${process.pid}.cpuprofile`);
const session = new Session();
let isProfiling = false;

const begin = async (): Promise<void> => {
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.start');
};

const end = async (): Promise<void> => {
  const { profile } = await session.post('Profiler.stop');
  session.disconnect();
  writeFileSync(`${file}.part`, JSON.stringify(profile));
  // Rename the finished file, so that a waiting process never sees a partial one.
  renameSync(`${file}.part`, file);
};

process.on('SIGUSR2', () => {
  isProfiling = !isProfiling;
  void (isProfiling ? begin() : end());
});
