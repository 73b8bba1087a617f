/**
 * Flame graphs as SVG. The width of a frame is the processor time of a function and its callees; a frame lies on its
 * caller. The work of async functions after an `await` lies on the microtasks that continue them, as V8 sees it.
 */
import { type Call, callTreeOf, labelOf } from './call-tree.ts';
import { collector, type Frame, fileOf, isPackaged, type Profile } from './profiles.ts';
import { shown } from './report.ts';
import { escaped, fixed } from './scale/svg.ts';
import { sumOf } from './statistics.ts';

export type About = {
  readonly operation: string;
  /** The kind of process. */
  readonly kind: string;
  readonly clients: number;
  readonly perSecond?: number | undefined;
};

const size = { width: 1200, margin: 10, row: 18, top: 78 };
/** The width of a character in frames, and the largest width in the legend. */
const characters = { frames: 6.1, legend: 7 };
/** Frames below this part of the whole are left out. */
const leastPart = 0.003;
/** The number of widest frames that are drawn, and the length of their names, keep a file below 150 kB. */
const framesMax = 400;
const labelMax = 140;

const places = [
  ['functions/', '#8ddb8c'],
  ['local/', '#96d0ff'],
  ['AWS SDK', '#f6b26b'],
  ['other packages', '#dcbdfb'],
  ['Node itself', '#d0d7de'],
  ['garbage collector', '#ff938a'],
] as const;
type Place = (typeof places)[number][0];

const caption =
  'Width: processor time of a function with what it calls, which stands on it. The parts above: of functions by themselves.';

const style = `
    svg { font: 12px system-ui, sans-serif; } .frames { font: 10px ui-monospace, Menlo, Consolas, monospace; }
    .page { fill: #ffffff; } text { fill: #1f2328; } .faint { fill: #59636e; } rect { stroke: none; }
    ${places.map(([, colour], index) => `.p${index} rect { fill: ${colour}; }`).join(' ')}
    @media (prefers-color-scheme: dark) {
      .page { fill: #0d1117; } text { fill: #f0f6fc; } .faint { fill: #9198a1; }
    }
    .frames text { fill: #1f2328; } .frames g:hover rect { stroke: #1f2328; }`;

const placeOf = (frame: Frame): Place => {
  if (frame.functionName === collector) return 'garbage collector';
  const file = fileOf(frame);
  if (isPackaged(frame)) {
    return /^@(?:aws|aws-sdk|aws-crypto|smithy)\//.test(file) ? 'AWS SDK' : 'other packages';
  }
  if (file.startsWith('functions/')) return 'functions/';
  return /^(?:local|test)\//.test(file) ? 'local/' : 'Node itself';
};
const classOf = (place: Place): string => `p${places.findIndex(([name]) => name === place)}`;

const allOf = (calls: readonly Call[]): readonly Call[] =>
  calls.flatMap((call) => [call, ...allOf(call.callees)]);

/**
 * The calls wide enough to draw. A call is at most as wide as its caller and is sorted behind it, so every frame has a
 * base.
 */
const widestOf = (all: readonly Call[], whole: number): ReadonlySet<Call> => {
  const wide = all.filter(({ time }) => time > 0 && time >= whole * leastPart);
  return new Set(wide.sort((a, b) => b.time - a.time).slice(0, framesMax));
};

type Box = { readonly call: Call; readonly begin: number; readonly level: number };

/** The drawn calls, each with the time to its left. */
const boxesOf = (
  calls: readonly Call[],
  drawn: ReadonlySet<Call>,
  begin = 0,
  level = 0,
): readonly Box[] => {
  let at = begin;
  return calls.flatMap((call) => {
    if (!drawn.has(call)) return [];
    const own = { call, begin: at, level };
    at += call.time;
    return [own, ...boxesOf(call.callees, drawn, own.begin, level + 1)];
  });
};

/** The text cut to this number of characters, or nothing if that is too short to read. */
const cut = (text: string, room: number): string => {
  if (text.length <= room) return text;
  return room < 4 ? '' : `${text.slice(0, room - 1)}…`;
};

/** The function's name alone, or the file of a function without a name. */
const shortOf = (frame: Frame): string =>
  frame.functionName || fileOf(frame).split('/').slice(-2).join('/');

const frameOf = ({ call, begin, level }: Box, whole: number, height: number): string => {
  const { width, margin, row } = size;
  const scale = (width - 2 * margin) / whole;
  const [x, y] = [margin + begin * scale, height - margin - (level + 1) * row];
  const across = Math.max(0.5, call.time * scale - 0.5);
  const label = cut(labelOf(call.frame), labelMax);
  const room = Math.floor((across - 4) / characters.frames);
  const text = label.length <= room ? label : cut(shortOf(call.frame), room);
  return [
    `<g class="${classOf(placeOf(call.frame))}"><title>${escaped(label)}, ${shown((call.time / whole) * 100)} %</title>`,
    `<rect x="${fixed(x)}" y="${y}" width="${fixed(across)}" height="${row - 1}"/>`,
    text && `<text x="${fixed(x + 2)}" y="${y + 12}">${escaped(text)}</text>`,
    '</g>',
  ].join('');
};

/** The places with the own time of their functions. */
const legendOf = (all: readonly Call[], whole: number): string => {
  let x = size.margin;
  const entries = places.map(([place]) => {
    const own = all.filter(({ frame }) => placeOf(frame) === place).map(({ ownTime }) => ownTime);
    const text = `${place} ${shown((sumOf(own) / whole) * 100)} %`;
    const entry = `<g class="${classOf(place)}"><rect x="${x}" y="34" width="12" height="12"/></g><text x="${x + 17}" y="44">${text}</text>`;
    x += 34 + text.length * characters.legend;
    return entry;
  });
  return entries.join('\n');
};

const titleOf = ({ operation, kind, clients, perSecond }: About, processes: number): string =>
  [
    `${operation}: processor time of ${processes} × ${kind}`,
    `clients: ${clients}`,
    ...(perSecond === undefined ? [] : [`${shown(perSecond)} operations a second`]),
  ].join(', ');

/** One graph of all profiles: at most about 150 kB, and the same bytes for the same profiles. */
export const flameGraphOf = (profiles: readonly Profile[], about: About): string => {
  const calls = callTreeOf(profiles);
  const all = allOf(calls);
  const whole = sumOf(calls.map(({ time }) => time));
  const boxes = boxesOf(calls, widestOf(all, whole));
  const { width, margin, row, top } = size;
  const height = top + margin + row * (1 + Math.max(-1, ...boxes.map(({ level }) => level)));
  const title = escaped(titleOf(about, profiles.length));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">`,
    `<title>${title}</title>`,
    `<style>${style}\n</style>`,
    `<rect class="page" width="${width}" height="${height}"/>`,
    `<text x="${margin}" y="22" font-weight="600">${title}</text>`,
    legendOf(all, whole),
    `<text class="faint" x="${margin}" y="64">${caption}</text>`,
    '<g class="frames">',
    ...boxes.map((box) => frameOf(box, whole, height)),
    '</g>',
    '</svg>\n',
  ].join('\n');
};
