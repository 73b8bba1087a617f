/** `npm run bench -- scale` measures cost and time as one size after another grows, each axis on its own store. */
import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { startUnchecked } from '../../test/support/embedded.ts';
import { measure } from '../measure.ts';
import { cpuTotal } from '../processes.ts';
import { describeMachine } from '../report.ts';
import { startVault } from '../subjects.ts';
import { grow } from './grow.ts';
import { type Axis, type Point, sizes } from './points.ts';

const clientsForMs = 1_600;

/** Measures through HTTP on one vault. */
const growClients = async (folder: string): Promise<readonly Point[]> => {
  const vault = await startVault(mkdtempSync(join(folder, 'vault-')));
  const points: Point[] = [];
  try {
    for (const size of sizes.clients) {
      for (const operation of ['create', 'update', 'get'] as const) {
        const effort = { operation, clients: size, forMs: clientsForMs };
        const [figure] = await measure([vault], effort, describeMachine().processors);
        if (figure === undefined) continue;
        const { times, cpu, others } = figure;
        points.push({ axis: 'clients', size, operation, ...times, cpu: cpuTotal(cpu), others });
      }
    }
  } finally {
    await vault.close();
  }
  return points;
};

export const measureScale = async (
  axes: readonly Axis[],
  folder: string,
): Promise<readonly Point[]> => {
  const points: Point[] = [];
  for (const axis of axes) {
    process.stderr.write(`${axis}: ${sizes[axis].join(', ')}\n`);
    if (axis === 'clients') {
      points.push(...(await growClients(folder)));
      continue;
    }
    const vault = await startUnchecked();
    try {
      points.push(...(await grow[axis](vault)));
    } finally {
      await vault.close();
    }
  }
  return points;
};
