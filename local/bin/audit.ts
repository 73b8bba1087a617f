/**
 * `npm run audit`: asks the registry whether it knows of weaknesses in the packages that run, as package-lock.json pins
 * them. The run ends in one of three ways, each with its own sentence and exit code. 0: the registry knows of none. 1:
 * it knows of some. 3: it gave no answer, because not every registry has this service; then nothing is known, which is
 * not the same as none.
 */
import { execFile } from 'node:child_process';
import * as v from 'valibot';
import { closeAtEnd } from '../host/ending.ts';
import { runProgram } from '../host/program.ts';

const advisory = v.object({ title: v.string(), url: v.string(), range: v.string() });
const answer = v.object({
  auditReportVersion: v.literal(2),
  vulnerabilities: v.record(
    v.string(),
    v.object({
      severity: v.string(),
      // A text names another package of this list that makes this one vulnerable.
      via: v.array(v.union([v.string(), advisory])),
    }),
  ),
  metadata: v.object({ dependencies: v.object({ prod: v.number() }) }),
});
type Answer = v.InferOutput<typeof answer>;

/** npm prints this object instead of an answer, if the registry refused or the connection failed. */
const refusal = v.object({
  message: v.optional(v.string()),
  error: v.optional(v.object({ summary: v.string() })),
});

const askNpm = (): Promise<string> =>
  new Promise((resolve, reject) => {
    const options = { maxBuffer: 2 ** 26, encoding: 'utf8' } as const;
    const child = execFile('npm', ['audit', '--omit=dev', '--json'], options, (error, stdout) => {
      takeBack();
      // npm ends with 1 both if it found weaknesses and if it got no answer, so only its output tells which.
      if (error && stdout === '') reject(error);
      else resolve(stdout);
    });
    const takeBack = closeAtEnd(() => void child.kill());
  });

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

const lineOf = ([name, found]: [string, Answer['vulnerabilities'][string]]): string => {
  const reasons = found.via.map((via) =>
    typeof via === 'string' ? `through ${via}` : `${via.title}, versions ${via.range} (${via.url})`,
  );
  return `  ${name}, ${found.severity}: ${reasons.join('; ')}`;
};

const commandLine = {
  name: 'npm run audit',
  does: 'asks the registry about known weaknesses of the packages that run',
  forms: [['', 'exit code 0: it knows of none; 1: it knows of some; 3: it gave no answer']],
  examples: ['npm run -s audit'],
} as const;

await runProgram(commandLine, async () => {
  const told = parse(await askNpm());
  if (!v.is(answer, told)) {
    const { message, error } = v.is(refusal, told) ? told : {};
    const why = message || error?.summary || 'what it sent is no audit';
    process.stdout.write(
      `no answer: the registry was asked and did not tell (${why}); whether the packages have known weaknesses is not known\n`,
    );
    process.exitCode = 3;
    return;
  }
  const found = Object.entries(told.vulnerabilities);
  const packages = `the ${told.metadata.dependencies.prod} packages that run`;
  if (found.length === 0) {
    process.stdout.write(`no findings: the registry knows of no weakness in ${packages}\n`);
    return;
  }
  const lines = found.map(lineOf).join('\n');
  process.stdout.write(
    `findings: the registry knows of weaknesses in ${found.length} of ${packages}\n${lines}\n`,
  );
  process.exitCode = 1;
});
