import type { ComponentChildren, RefObject } from 'preact';
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import { type ParsedFile, parseFile } from '../../../../functions/env/grammar.ts';
import { privateText } from '../form-fields.tsx';
import { type Mark, markSpans, type Span, spansBetween } from './coloured-spans.ts';
import type { NameStates } from './name-states.ts';
import { lineStarts, type Position } from './text-positions.ts';

/** The height of a line in pixels, as in workbench.css. */
const lineHeight = 21;
/** How many lines are drawn above and below the visible ones. */
const spareLines = 4;
/**
 * A longer text is coloured only when the person pauses, because parsing it would delay every key
 * press.
 */
const parsedAtOnceMax = 32_768;
const pauseMs = 250;

/**
 * A text field over a layer that shows the same text in colours. The layer holds only the visible
 * lines, so its cost does not depend on the size of the file.
 */
export const Editor = ({
  area,
  text,
  marks,
  states,
  onInput,
}: {
  readonly area: RefObject<HTMLTextAreaElement | null>;
  readonly text: string;
  readonly marks: readonly Mark[];
  readonly states: NameStates;
  readonly onInput: (text: string) => void;
}) => {
  const [view, setView] = useState({ top: 0, left: 0, height: 0 });
  const look = () => {
    const {
      scrollTop: top = 0,
      scrollLeft: left = 0,
      clientHeight: height = 0,
    } = area.current ?? {};
    setView({ top, left, height });
  };
  useLayoutEffect(() => {
    const observer = new ResizeObserver(look);
    if (area.current) observer.observe(area.current);
    return () => observer.disconnect();
  }, []);
  // When the text becomes shorter, the field may scroll without an event.
  useLayoutEffect(look, [text]);
  const parsed = useParsedFile(text);
  const starts = useMemo(() => lineStarts(text), [text]);
  const first = Math.max(0, Math.floor(view.top / lineHeight) - spareLines);
  const last = Math.ceil((view.top + view.height) / lineHeight) + spareLines;
  const [from = 0, to = text.length] = [starts[first], starts[last]];
  const spans = parsed
    ? spansBetween(parsed, from, to)
    : [{ kind: 'plain', start: from, end: to } as const];
  const seen = marks.filter(({ start, end }) => start < to && end > from);
  const down = first * lineHeight - view.top;
  return (
    <div class="editor">
      <div class="layer" aria-hidden="true">
        <ScrolledText className="numbers" down={down} left={0}>
          {starts.slice(first, last).map((_, index) => `${first + index + 1}\n`)}
        </ScrolledText>
        <div class="window">
          <ScrolledText className="text" down={down} left={view.left}>
            {markSpans(spans, seen).map((span) => (
              <span key={span.start} class={classOf(span, states)}>
                {text.slice(span.start, span.end)}
              </span>
            ))}
          </ScrolledText>
        </div>
      </div>
      <textarea
        ref={area}
        aria-label="The .env file"
        aria-describedby="findings"
        aria-invalid={marks.length > 0}
        placeholder={'# paste a file here, or drop one\nDB_PASSWORD=hunter2\nDB="enc(DB_PASSWORD)"'}
        value={text}
        wrap="off"
        dir="ltr"
        {...privateText}
        onInput={({ currentTarget }) => onInput(currentTarget.value)}
        onScroll={look}
      />
    </div>
  );
};

/**
 * Returns the text as the grammar reads it; `undefined` while a large text is still being typed.
 */
const useParsedFile = (text: string): ParsedFile | undefined => {
  const isSmall = text.length <= parsedAtOnceMax;
  const now = useMemo(() => (isSmall ? parseFile(text) : undefined), [text]);
  const [late, setLate] = useState<{ text: string; file: ParsedFile }>();
  useEffect(() => {
    setLate(undefined);
    if (isSmall) return;
    const timer = setTimeout(() => setLate({ text, file: parseFile(text) }), pauseMs);
    return () => clearTimeout(timer);
  }, [text]);
  return now ?? (late?.text === text ? late.file : undefined);
};

const classOf = ({ kind, reference, isMarked }: Span, states: NameStates): string => {
  const state = states.get(reference ?? '');
  const known = state === undefined ? '' : state.isWanted ? ' good' : ' bad';
  return `of-${kind}${known}${isMarked ? ' marked' : ''}`;
};

/**
 * A layer of text that is moved as the editor's field scrolls: the line numbers, or the coloured
 * text.
 */
const ScrolledText = ({
  className,
  down,
  left,
  children,
}: {
  readonly className: string;
  readonly down: number;
  readonly left: number;
  readonly children: ComponentChildren;
}) => {
  const element = useRef<HTMLPreElement>(null);
  useLayoutEffect(() => {
    element.current?.style.setProperty('transform', `translate(${-left}px, ${down}px)`);
  });
  return (
    <pre ref={element} class={className}>
      {children}
    </pre>
  );
};

/** Puts the caret at an offset of the text and scrolls to it. */
export const moveCaret = (
  area: HTMLTextAreaElement | null,
  offset: number,
  { line, column }: Position,
): void => {
  if (!area) return;
  area.focus();
  area.setSelectionRange(offset, offset);
  area.scrollTop = (line - 1) * lineHeight - area.clientHeight / 3;
  // Roughly centres the column: a character is about half as wide as a line is high.
  area.scrollLeft = column * (lineHeight / 2.5) - area.clientWidth / 2;
};
