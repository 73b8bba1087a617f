/**
 * Line charts as SVG: logarithmic on both axes, with units, readable on light and dark pages. The same charts give the
 * same bytes.
 */
export type Series = {
  readonly name: string;
  /** The value at each size; all values are above 0. */
  readonly points: readonly (readonly [size: number, value: number])[];
};
export type Chart = {
  readonly title: string;
  readonly x: string;
  readonly series: readonly Series[];
};

const chart = { width: 320, height: 270, left: 48, right: 16, top: 40, bottom: 44 };
const legendRow = 18;
const labelWidth = 30;
const legendCharacter = 7;
const colours = {
  light: ['#0969da', '#bc4c00', '#1a7f37', '#8250df', '#bf3989'],
  dark: ['#58a6ff', '#ffa657', '#3fb950', '#bc8cff', '#ff7bcd'],
};
const paint = (of: readonly string[]): string =>
  of
    .map((c, index) => `.s${index} .line { stroke: ${c}; } .s${index} .mark { fill: ${c}; }`)
    .join(' ');
// The colours are written out, because not every SVG viewer knows CSS variables.
const style = `
    svg { font: 12px system-ui, sans-serif; }
    .page { fill: #ffffff; } text { fill: #1f2328; } .faint { fill: #59636e; }
    .grid { stroke: #d1d9e0; } .axis { stroke: #59636e; }
    .line { fill: none; stroke-width: 1.8; } ${paint(colours.light)}
    @media (prefers-color-scheme: dark) {
      .page { fill: #0d1117; } text { fill: #f0f6fc; } .faint { fill: #9198a1; }
      .grid { stroke: #3d444d; } .axis { stroke: #9198a1; } ${paint(colours.dark)}
    }`;

/** Escapes a text for an element. */
export const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
/** A length rounded to a tenth of a pixel. */
export const fixed = (number: number): string => String(Math.round(number * 10) / 10);

/** The numbers 1, 2 and 5 times each power of ten within the span; the powers alone if that would be too many. */
export const ticksOf = (low: number, high: number): readonly number[] => {
  const first = Math.floor(Math.log10(low));
  const last = Math.ceil(Math.log10(high));
  const steps = Math.log10(high / low) > 2 ? [1] : [1, 2, 5];
  const powers = Array.from({ length: last - first + 1 }, (_, index) => first + index);
  const all = powers.flatMap((power) => steps.map((step) => Number(`${step}e${power}`)));
  return all.filter((tick) => tick >= low / 1.0001 && tick <= high * 1.0001);
};

/** Shortens `10000` to `10k` and `4096` to `4Ki`. */
const short = (number: number): string => {
  if (number >= 1_000 && number % 1_000 === 0) return `${number / 1_000}k`;
  return number >= 1_024 && number % 1_024 === 0 ? `${number / 1_024}Ki` : String(number);
};

/** The sizes whose labels have room, chosen from the largest down. */
const labelled = (sizes: readonly number[], atX: (size: number) => string): ReadonlySet<number> => {
  const kept = new Set<number>();
  let room = Number.POSITIVE_INFINITY;
  for (const size of sizes.toSorted((a, b) => b - a)) {
    const x = Number(atX(size));
    if (x > room) continue;
    kept.add(size);
    room = x - labelWidth;
  }
  return kept;
};

/** A span with margins, so that a flat line does not lie on an axis. */
const spanOf = (values: readonly number[]): readonly [number, number] => {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const air = high / low < 4 ? 2 : 1.3;
  return [low / air, high * air];
};

const markOf = (series: number, x: string, y: string): string => {
  const shapes = [
    `<circle class="mark" r="3.4"`,
    `<path class="mark" d="M-3.4-3.4h6.8v6.8h-6.8z"`,
    `<path class="mark" d="M0-4.4L4.2 3.2H-4.2z"`,
    `<path class="mark" d="M0-4.6L4.6 0 0 4.6-4.6 0z"`,
    `<path class="mark" d="M0 4.4L4.2-3.2H-4.2z"`,
  ];
  return `${shapes[series % shapes.length]} transform="translate(${x} ${y})"/>`;
};

const chartOf = ({ title, x: unit, series }: Chart, names: readonly string[]): string => {
  const { width, height, left, right, top, bottom } = chart;
  const all = series.flatMap(({ points }) => points);
  const [lowX, highX] = [Math.min(...all.map(([x]) => x)), Math.max(...all.map(([x]) => x))];
  const [lowY, highY] = spanOf(all.map(([, y]) => y));
  const along = (value: number, low: number, high: number) =>
    high === low ? 0.5 : Math.log(value / low) / Math.log(high / low);
  const atX = (value: number) => fixed(left + along(value, lowX, highX) * (width - left - right));
  const atY = (value: number) =>
    fixed(height - bottom - along(value, lowY, highY) * (height - top - bottom));
  const sizes = [...new Set(all.map(([x]) => x))].sort((a, b) => a - b);
  const labels = labelled(sizes, atX);
  const lines = series.map(({ name, points }) => {
    const index = names.indexOf(name);
    const path = points.map(([x, y]) => `${atX(x)},${atY(y)}`).join(' ');
    const marks = points.map(([x, y]) => markOf(index, atX(x), atY(y))).join('');
    return `<g class="s${index}"><polyline class="line" points="${path}"/>${marks}</g>`;
  });
  const middle = fixed((left + width - right) / 2);
  return [
    `<text x="${left}" y="${top - 16}" font-weight="600">${escaped(title)}</text>`,
    ...ticksOf(lowY, highY).map(
      (tick) =>
        `<path class="grid" d="M${left} ${atY(tick)}H${width - right}"/>` +
        `<text class="faint" x="${left - 6}" y="${atY(tick)}" dy="4" text-anchor="end">${short(tick)}</text>`,
    ),
    `<path class="axis" d="M${left} ${height - bottom}H${width - right}"/>`,
    ...sizes.map((size) => `<path class="axis" d="M${atX(size)} ${height - bottom}v4"/>`),
    ...[...labels].map(
      (size) =>
        `<text class="faint" x="${atX(size)}" y="${height - bottom + 17}" text-anchor="middle">${short(size)}</text>`,
    ),
    `<text class="faint" x="${middle}" y="${height - 8}" text-anchor="middle">${escaped(unit)}</text>`,
    ...lines,
  ].join('\n');
};

/** The charts side by side, under one legend. */
export const svgOf = (charts: readonly Chart[], about: string): string => {
  const names = [...new Set(charts.flatMap(({ series }) => series.map(({ name }) => name)))];
  const [width, height] = [chart.width * charts.length, chart.height + legendRow + 8];
  let x = chart.left;
  const legend = names.map((name, index) => {
    const entry = `<g class="s${index}">${markOf(index, fixed(x), '15')}</g><text x="${x + 9}" y="19">${escaped(name)}</text>`;
    x += 34 + name.length * legendCharacter;
    return entry;
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">`,
    `<title>${escaped(about)}</title>`,
    `<style>${style}\n</style>`,
    `<rect class="page" width="${width}" height="${height}"/>`,
    ...legend,
    ...charts.map(
      (each, index) =>
        `<g transform="translate(${index * chart.width} ${legendRow + 8})">\n${chartOf(each, names)}\n</g>`,
    ),
    '</svg>\n',
  ].join('\n');
};
