/** Measures which files of `functions/` run while a request is answered. */
import { Session } from 'node:inspector/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const root = pathToFileURL(join(import.meta.dirname, '..', '..', 'functions/')).href;

/** The accessors that esbuild makes for the exports of a module. They run whenever another module uses an export. */
const accessor = /^\(\) => [\w[\]]+$/;

/** The files below `functions/`, sorted, with a function that `work` called. Their modules must be loaded before. */
export const filesEntered = async (work: () => Promise<unknown>): Promise<readonly string[]> => {
  const session = new Session();
  session.connect();
  try {
    await session.post('Profiler.enable');
    await session.post('Debugger.enable');
    await session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: false });
    await work();
    const { result } = await session.post('Profiler.takePreciseCoverage');
    const files: string[] = [];
    for (const { scriptId, url, functions } of result.filter(({ url }) => url.startsWith(root))) {
      const { scriptSource } = await session.post('Debugger.getScriptSource', { scriptId });
      const called = functions.flatMap(({ ranges: [all] }) => (all && all.count > 0 ? all : []));
      const texts = called.map(({ startOffset: from, endOffset: to }) =>
        scriptSource.slice(from, to),
      );
      if (texts.some((text) => !accessor.test(text))) files.push(url.slice(root.length));
    }
    return files.sort();
  } finally {
    session.disconnect();
  }
};
