/**
 * `npm run node -- test/support/mutate.ts` breaks operators and guards one at a time, in a copy of
 * the project, and runs the tests that CONTRIBUTING.md names for the file. A break that no test
 * notices survives: either a test is missing or the code is not needed. Breaks that do not compile,
 * or after which tests only run out of time, are counted separately.
 */
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join, normalize, resolve } from 'node:path';
import { type Node, SyntaxKind } from 'typescript/unstable/ast';
import * as is from 'typescript/unstable/ast/is';
import { API } from 'typescript/unstable/sync';
import { closeAtEnd } from '../../host/process/ending.ts';
import { newProgram, runProgram } from '../../host/process/program.ts';
import { endChild, startProgram } from '../../host/process/supervisor.ts';
import { failure } from '../../system/failures.ts';
import { type Ended, judgesOf, type Verdict, verdictOf } from './judges.ts';

type Break = { readonly from: number; readonly to: number; readonly text: string };
type Found = Readonly<Record<'file' | 'change' | 'source' | 'broken', string>>;

const operators = new Map([
  [SyntaxKind.EqualsEqualsEqualsToken, '!=='],
  [SyntaxKind.ExclamationEqualsEqualsToken, '==='],
  [SyntaxKind.AmpersandAmpersandToken, '||'],
  [SyntaxKind.BarBarToken, '&&'],
  [SyntaxKind.LessThanToken, '<='],
  [SyntaxKind.LessThanEqualsToken, '<'],
  [SyntaxKind.GreaterThanToken, '>='],
  [SyntaxKind.GreaterThanEqualsToken, '>'],
  [SyntaxKind.TrueKeyword, 'false'],
  [SyntaxKind.FalseKeyword, 'true'],
]);
const notCopied = /^(?:node_modules|\.git|\.local|\.aws-sam)$/;

/**
 * Finds what can be broken: operators become others, true and false are exchanged, and a condition
 * never holds.
 */
const breaksOf = (source: Node, text: string): readonly Break[] => {
  const breaks: Break[] = [];
  const visit = (node: Node): void => {
    if (is.isTypeNode(node)) return;
    const guard = is.isIfStatement(node) && node.expression;
    const condition = guard || (is.isConditionalExpression(node) && node.condition);
    // A literal `false` would make code unreachable, which the compiler rejects.
    const other = operators.get(node.kind) ?? 'Boolean()';
    const { pos, end } = condition || node;
    const from = end - text.slice(pos, end).trimStart().length;
    if (condition || operators.has(node.kind)) breaks.push({ from, to: end, text: other });
    node.forEachChild(visit);
  };
  visit(source);
  return breaks;
};

/** Returns the numbers of the lines that `git diff REVISION` adds, by file. */
const addedSince = (revision: string): ReadonlyMap<string, ReadonlySet<number>> => {
  const added = new Map<string, Set<number>>();
  const git = spawnSync('git', ['diff', '-U0', revision, '--'], { encoding: 'utf8' });
  if (git.status !== 0) throw failure(`${revision} is not a file, a folder or a revision`);
  for (const part of git.stdout.split(/^\+\+\+ b\//m).slice(1)) {
    const hunks = [...part.matchAll(/^@@ \S+ \+(\d+)(?:,(\d+))? @@/gm)];
    const lines = hunks.flatMap(([, first, count = '1']) =>
      Array.from({ length: Number(count) }, (_, index) => Number(first) + index),
    );
    added.set(part.slice(0, part.indexOf('\n')), new Set(lines));
  }
  return added;
};

/** Runs Node in the copy, for at most ten minutes. */
const run = async (copy: string, args: readonly string[]): Promise<Ended> => {
  const child = startProgram(process.execPath, args, { cwd: copy, stdio: 'pipe' });
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    void endChild(child, 1_000);
  }, 600_000);
  const chunks: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (data) => chunks.push(data));
  const code = await new Promise((done) => child.once('close', done));
  clearTimeout(timer);
  return { passed: code === 0, late, printed: String(Buffer.concat(chunks)) };
};

/**
 * The test runs, as arguments of Node, that have passed on code without a break. If one of them
 * fails later, the break is the cause.
 */
const sound = new Set<string>();

/**
 * Runs the tests of a file while it is broken, until one run fails, and returns the verdict on the
 * break. If no run fails, the verdict says whether any test ran.
 */
const judge = async (copy: string, { file, source, broken }: Found): Promise<Verdict> => {
  let verdict: Verdict = { word: 'no test ran', by: '' };
  for (const args of judgesOf(file)) {
    fs.writeFileSync(join(copy, file), broken);
    const ended = await run(copy, args);
    fs.writeFileSync(join(copy, file), source);
    if (!ended.passed && !sound.has(String(args)) && !(await run(copy, args)).passed)
      throw failure(`this fails without a break too: node ${args.join(' ')}`);
    sound.add(String(args));
    const next = verdictOf(ended);
    if (!ended.passed) return next;
    if (next.word === 'passed') verdict = next;
  }
  return verdict;
};

const program = newProgram(
  'npm run node -- test/support/mutate.ts',
  'breaks operators and guards, and prints the breaks that no test notices',
  ['npm run node -- test/support/mutate.ts functions/dynamodb --most 20'],
)
  .argument('[where]', 'a file, a folder, or a revision: the lines that differ from it', 'HEAD')
  .option('--most <number>', 'how many breaks are tried, evenly spread', '40');

program.action(async (where, { most }) => {
  const added = fs.existsSync(where) ? undefined : addedSince(where);
  const path = normalize(where);
  const files = added ? [...added.keys()] : [path, ...fs.globSync(`${path}/**/*.{ts,tsx}`)];
  const api = new API({ cwd: process.cwd() });
  const openProjects = ['tsconfig.json', 'cli/console/page/tsconfig.json'];
  const programs = api.updateSnapshot({ openProjects }).getProjects();
  const found: readonly Found[] = files.flatMap((file) => {
    const source = programs.flatMap(({ program }) => program.getSourceFile(resolve(file)) ?? [])[0];
    if (source === undefined || judgesOf(file).length === 0) return [];
    return breaksOf(source, source.text).flatMap(({ from, to, text }) => {
      const [before, old] = [source.text.slice(0, from), source.text.slice(from, to)];
      const line = before.split('\n').length;
      if (added?.get(file)?.has(line) === false) return [];
      const change = `${file}:${line}: ${old.replace(/\s+/g, ' ')} → ${text}`;
      return [{ file, change, source: source.text, broken: before + text + source.text.slice(to) }];
    });
  });
  api.close();
  if (found.length === 0)
    throw failure(`${where} has nothing to break, or CONTRIBUTING.md names no tests for it`);
  const tried = found.filter((_, index) => index % Math.ceil(found.length / Number(most)) === 0);
  const copy = fs.mkdtempSync(join(tmpdir(), 'mutants-'));
  closeAtEnd(() => fs.rmSync(copy, { recursive: true, force: true }));
  for (const entry of fs.readdirSync('.').filter((name) => !notCopied.test(name))) {
    fs.cpSync(entry, join(copy, entry), { recursive: true });
  }
  fs.symlinkSync(resolve('node_modules'), join(copy, 'node_modules'));
  const counts = new Map<string, number>();
  for (const one of tried) {
    const { word, by } = await judge(copy, one);
    const said = word === 'passed' ? 'SURVIVED' : word;
    counts.set(said, (counts.get(said) ?? 0) + 1);
    process.stdout.write(`${said} ${one.change}  ${by}\n`);
  }
  const sums = [...counts].map(([word, count]) => `${count} ${word}`).join(', ');
  process.stdout.write(`${tried.length} of ${found.length} tried: ${sums}\n`);
  if (counts.has('SURVIVED') || counts.has('no test ran')) process.exitCode = 1;
});

await runProgram(program);
