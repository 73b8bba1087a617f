/**
 * `npm run node -- test/support/mutate.ts` breaks operators and guards one at a time, in a copy of the project, and runs
 * the tests that CONTRIBUTING.md names for the file. A break that no test notices survives: a test is missing, or the
 * code is not needed.
 */
import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { type Node, SyntaxKind } from 'typescript/unstable/ast';
import * as is from 'typescript/unstable/ast/is';
import { API } from 'typescript/unstable/sync';
import { closeAtEnd } from '../../local/process/ending.ts';
import { newProgram, runProgram } from '../../local/process/program.ts';
import { endChild, startProgram } from '../../local/process/supervisor.ts';

type Break = { readonly from: number; readonly to: number; readonly text: string };

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
const folder = /(?<=`)[^` ]+\/(?=`)/g;
const project = /(?<=`)(?:unit|contract|e2e)(?=`)/g;

/** Another operator, the opposite of a truth value, or a condition that never holds. */
const breaksOf = (source: Node, text: string): readonly Break[] => {
  const breaks: Break[] = [];
  const visit = (node: Node): void => {
    if (is.isTypeNode(node)) return;
    const guard = is.isIfStatement(node) && node.expression;
    const condition = guard || (is.isConditionalExpression(node) && node.condition);
    const other = operators.get(node.kind) ?? 'false';
    const { pos, end } = condition || node;
    const from = end - text.slice(pos, end).trimStart().length;
    if (condition || operators.has(node.kind)) breaks.push({ from, to: end, text: other });
    node.forEachChild(visit);
  };
  visit(source);
  return breaks;
};

/** The lines of each file that `git diff REVISION` adds. */
const addedSince = (revision: string): ReadonlyMap<string, ReadonlySet<number>> => {
  const added = new Map<string, Set<number>>();
  const diff = execFileSync('git', ['diff', '-U0', revision], { encoding: 'utf8' });
  for (const part of diff.split(/^\+\+\+ b\//m).slice(1)) {
    const hunks = [...part.matchAll(/^@@ \S+ \+(\d+)(?:,(\d+))? @@/gm)];
    const lines = hunks.flatMap(([, first, count = '1']) =>
      Array.from({ length: Number(count) }, (_, index) => Number(first) + index),
    );
    added.set(part.slice(0, part.indexOf('\n')), new Set(lines));
  }
  return added;
};

/** The projects of Jest that the table of CONTRIBUTING.md names for the folder of a file. */
const projectsOf = (file: string): readonly string[] => {
  const isOf = (row: string): boolean => {
    const names = row.match(folder) ?? [];
    const tree = names[0]?.split('/')[0];
    return names.some((name) => file.startsWith(name) || file.startsWith(`${tree}/${name}`));
  };
  const row = fs.readFileSync('CONTRIBUTING.md', 'utf8').split('\n').find(isOf);
  return row?.match(project) ?? ['unit', 'contract'];
};

/** Runs Node in the copy for ten minutes at most. Returns what it printed, or `undefined` if it ended with 0. */
const run = async (copy: string, args: readonly string[]): Promise<string | undefined> => {
  const child = startProgram(process.execPath, args, { cwd: copy, stdio: 'pipe' });
  const timer = setTimeout(() => void endChild(child, 1_000), 600_000);
  const chunks: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (data) => chunks.push(data));
  const code = await new Promise((done) => child.once('close', done));
  clearTimeout(timer);
  return code === 0 ? undefined : String(Buffer.concat(chunks));
};

/** The first sentence of what notices the break in the copy of this file; `undefined` if nothing does. */
const findNotice = async (copy: string, file: string): Promise<string | undefined> => {
  const projects = projectsOf(file);
  const jest = ['node_modules/jest/bin/jest.js', '--bail', '--forceExit', '--passWithNoTests'];
  const chosen = [...jest, '--selectProjects', ...projects];
  const near = [...chosen, '--testPathPatterns', dirname(file).replace(/^[^/]+/, '')];
  const related = [...chosen, '--findRelatedTests', file];
  const programs = projects.includes('e2e') ? [[...jest, '--selectProjects', 'e2e']] : [];
  for (const args of [near, ['node_modules/typescript/bin/tsc'], related, ...programs]) {
    const printed = await run(copy, args);
    if (printed !== undefined) return /● .*|error TS.*/.exec(printed)?.[0] ?? 'no result';
  }
  return undefined;
};

const program = newProgram(
  'npm run node -- test/support/mutate.ts',
  'breaks operators and guards, and prints the breaks that no test notices',
  ['npm run node -- test/support/mutate.ts functions/dynamodb --most 20'],
)
  .argument('[where]', 'a folder, or a revision: the lines that differ from it', 'HEAD')
  .option('--most <number>', 'how many breaks are tried, evenly spread', '40');

program.action(async (where, { most }) => {
  const added = fs.existsSync(where) ? undefined : addedSince(where);
  const files = added ? [...added.keys()] : fs.globSync(`${where}/**/*.{ts,tsx}`);
  const api = new API({ cwd: process.cwd() });
  const openProjects = ['tsconfig.json', 'console/page/tsconfig.json'];
  const programs = api.updateSnapshot({ openProjects }).getProjects();
  const found = files.flatMap((file) => {
    const source = programs.flatMap(({ program }) => program.getSourceFile(resolve(file)) ?? [])[0];
    if (source === undefined) return [];
    return breaksOf(source, source.text).flatMap(({ from, to, text }) => {
      const [before, old] = [source.text.slice(0, from), source.text.slice(from, to)];
      const line = before.split('\n').length;
      if (added?.get(file)?.has(line) === false) return [];
      const change = `${file}:${line}: ${old.replace(/\s+/g, ' ')} → ${text}`;
      return [{ file, change, source: source.text, broken: before + text + source.text.slice(to) }];
    });
  });
  api.close();
  const tried = found.filter((_, index) => index % Math.ceil(found.length / Number(most)) === 0);
  const copy = fs.mkdtempSync(join(tmpdir(), 'mutants-'));
  closeAtEnd(() => fs.rmSync(copy, { recursive: true, force: true }));
  for (const entry of fs.readdirSync('.').filter((name) => !notCopied.test(name))) {
    fs.cpSync(entry, join(copy, entry), { recursive: true });
  }
  fs.symlinkSync(resolve('node_modules'), join(copy, 'node_modules'));
  let survivors = 0;
  for (const { file, change, source, broken } of tried) {
    fs.writeFileSync(join(copy, file), broken);
    const notice = await findNotice(copy, file);
    fs.writeFileSync(join(copy, file), source);
    if (notice === undefined) survivors += 1;
    process.stdout.write(`${notice ? 'noticed ' : 'SURVIVED'} ${change}  ${notice ?? ''}\n`);
  }
  process.stdout.write(
    `${survivors} of ${tried.length} survived; the lines have ${found.length}\n`,
  );
  process.exitCode = survivors > 0 ? 1 : 0;
});

await runProgram(program);
