/**
 * The tests that documents cite: a link to a file below `test/`, followed in italics by titles of tests in that file.
 * `…` in a title stands for any text.
 */
import { existsSync, globSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';

export type Citation = {
  readonly document: string;
  readonly line: number;
  /** A file or a folder of tests, relative to the project. */
  readonly file: string;
  /** Undefined for the link itself. */
  readonly title: string | undefined;
};

/** Begins a list item, a table row or a paragraph. A link applies to the italics after it in the same one. */
const blockBegins = /^\s*(?:[-*] |\d+\. |\||#|$)/;
const fence = /^\s*```/;

/** The blocks of a Markdown text without its code, each with the number of its first line. */
const blocksOf = (markdown: string): { readonly line: number; readonly text: string }[] => {
  const blocks: { line: number; text: string }[] = [];
  let isCode = false;
  for (const [index, line] of markdown.split('\n').entries()) {
    if (fence.test(line)) isCode = !isCode;
    const text = isCode || fence.test(line) ? '' : line;
    const last = blocks.at(-1);
    if (last === undefined || blockBegins.test(text)) blocks.push({ line: index + 1, text });
    else last.text += `\n${text}`;
  }
  return blocks;
};

/** A link, bold text (which may contain a link but is no title), or text in italics. */
const tokens = /\[[^\]]*\]\(([^)\s]+)\)|\*\*|\*([^*]+)\*/g;

/** All citations of a document, in order. */
export const citationsIn = (document: string, markdown: string): Citation[] =>
  blocksOf(markdown).flatMap(({ line, text }) => {
    const found: Citation[] = [];
    let file: string | undefined;
    for (const { 1: href, 2: italics, index } of text.matchAll(tokens)) {
      const at = { document, line: line + text.slice(0, index).split('\n').length - 1 };
      if (href !== undefined) {
        const target = join(dirname(document), href.replace(/#.*$/, ''));
        file = !href.includes(':') && target.startsWith('test/') ? target : undefined;
        if (file !== undefined) found.push({ ...at, file, title: undefined });
      } else if (italics !== undefined && file !== undefined) {
        found.push({ ...at, file, title: italics.replace(/\s+/g, ' ') });
      }
    }
    return found;
  });

const quoted = /'((?:\\.|[^'\\])*)'|"((?:\\.|[^"\\])*)"|`((?:\\.|[^`\\])*)`/;
/**
 * A text followed by a function, as arguments of `it`, of a test's own function, or of `each(…)(…)`; not of a method.
 */
const titled = new RegExp(
  String.raw`(?:(?<![.\w])(?:\w+|(?:describe|it|test)\w*(?:\.\w+)+)|\))\(\s*(?:${quoted.source})\s*,\s*(?:async\b|\(|function\b|\w+\s*=>)`,
  'g',
);
const placeholder = /%[sdifjoO#p]|\$\{(?:[^{}]|\{[^{}]*\})*\}|\$\w+(?:\.\w+)*/g;

/** The titles in the source of a test, with `…` for each parameter. */
export const titlesIn = (source: string): string[] =>
  [...source.matchAll(titled)].map(([, single, double, template]) =>
    (single ?? double ?? template ?? '').replace(/\\(.)/g, '$1').replace(placeholder, '…'),
  );

const patternOf = (title: string): RegExp => {
  const parts = title.split('…').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${parts.join('(.*)')}$`);
};

/** Whether the source of a test has a cited title. A text cited for a parameter must appear in the source too. */
export const isTitleIn = (cited: string, source: string): boolean =>
  titlesIn(source).some((title) => {
    if (patternOf(cited).test(title)) return true;
    const parameters = patternOf(title).exec(cited)?.slice(1);
    const texts = parameters?.flatMap((parameter) => parameter.split('…'));
    return (
      texts?.every(
        (text) => source.includes(text.replaceAll("'", "\\'")) || source.includes(text),
      ) ?? false
    );
  });

/** The source of a cited file, or of all tests in a cited folder; `undefined` if it does not exist. */
const sourceOf = (file: string): string | undefined => {
  if (!existsSync(file)) return undefined;
  const files = statSync(file).isDirectory() ? globSync(join(file, '**/*.test.ts')) : [file];
  return files.map((one) => readFileSync(one, 'utf8')).join('\n');
};

/** A sentence about the fault of a citation; `undefined` if the test exists. */
export const faultOf = ({ document, line, file, title }: Citation): string | undefined => {
  const source = sourceOf(file);
  const where = `${document}:${line}`;
  if (source === undefined) return `${where} cites ${file}, which does not exist`;
  if (title === undefined || isTitleIn(title, source)) return undefined;
  return `${where} cites ${file} for a test that it does not have: ${title}`;
};
