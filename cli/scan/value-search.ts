/**
 * Finds the values of many versions in bytes, in one pass: also as base64, and as they are escaped
 * in JSON. A table has one window, which is 8 consecutive bytes, of every text to find. The pass
 * looks up each window of the searched bytes there, and compares the whole text where it finds one.
 */
import { isUtf8 } from 'node:buffer';

/** A value of a secret. */
export type KnownValue = {
  readonly name: string;
  /** The versions that have it. */
  readonly versions: readonly number[];
  /** `deleted` is each value of a secret that is deleted now. */
  readonly state: 'current' | 'superseded' | 'deleted';
  readonly value: Buffer;
};

type Needle = {
  readonly bytes: Buffer;
  /** `line` is the longest line of a value that has several. */
  readonly form: 'plain' | 'base64' | 'json' | 'line';
  readonly of: KnownValue[];
};

/** A needle, and the offset at which it begins. */
export type Hit = { readonly needle: Needle; readonly start: number };

/** Returns all hits in the order of their offsets, the longer first. Hits may overlap. */
export type ValueSearch = (bytes: Uint8Array) => readonly Hit[];

/**
 * The length of a window. Values that are shorter are not searched for: they appear in files by
 * chance.
 */
const windowBytes = 8;
const slotBits = 18;
const hiddenBytes = 4;
/**
 * About how many windows of a long text `windowOf` tries. They are spread over the text, because
 * texts may have a common beginning.
 */
const windowsTried = 256;

/** Removes the line ends at the end of a value, which a file may lack. */
const withoutLineEnds = (value: Buffer): Buffer => {
  let end = value.length;
  while (value[end - 1] === 0x0a || value[end - 1] === 0x0d) end -= 1;
  return value.subarray(0, end);
};

/** Whether the value is too short to be found. */
export const isShort = (value: Buffer): boolean => withoutLineEnds(value).length < windowBytes;

/**
 * The text of a value that is too short to be found, if it is still removed from the paths that a
 * report shows. One that is even shorter is in most paths by chance.
 */
export const hiddenText = (value: Buffer): readonly Buffer[] => {
  const text = withoutLineEnds(value);
  return isShort(value) && text.length >= hiddenBytes ? [text] : [];
};

/**
 * The longest line of a value of several lines, which may be indented or end with CRLF in a file.
 * Of several, the last one: the first lines of keys of one kind are alike, and so are those that
 * begin with dashes.
 */
const longestLine = (value: Buffer): readonly string[] => {
  const lines = value.toString('latin1').split(/[\r\n]+/);
  const texts = lines.map((line) => line.trim()).filter((line) => !line.startsWith('-----'));
  const longest = texts.toSorted((one, other) => one.length - other.length).at(-1) ?? '';
  return lines.length > 1 && longest.length >= windowBytes ? [longest] : [];
};

/** Builds the search for these values. Those that are too short are left out. */
export const searchFor = (known: readonly KnownValue[]): ValueSearch => {
  const needles = new Map<string, Needle>();
  for (const one of known) {
    const { value } = one;
    for (const [form, text] of isShort(value) ? [] : formsOf(withoutLineEnds(value))) {
      const needle = needles.get(text) ?? { bytes: Buffer.from(text, 'latin1'), form, of: [] };
      if (!needle.of.includes(one)) needle.of.push(one);
      needles.set(text, needle);
    }
  }
  return searchOf([...needles.values()]);
};

/** The forms of a value, as Latin-1 text with one character for each byte. */
const formsOf = (value: Buffer): (readonly [Needle['form'], string])[] => {
  const inBase64 = [0, 1, 2].map((before) => {
    const text = Buffer.concat([Buffer.alloc(before), value]).toString('base64');
    // The first and the last character may also have bits of the bytes around the value, so they
    // are cut off.
    const [first, last] = [
      Math.ceil((before * 8) / 6),
      Math.floor(((before + value.length) * 8) / 6),
    ];
    return text.slice(first, last);
  });
  const inUrls = inBase64.map((text) => text.replaceAll('+', '-').replaceAll('/', '_'));
  return [
    ['plain', value.toString('latin1')],
    ...[...inBase64, ...inUrls].map((text) => ['base64', text] as const),
    ...longestLine(value).map((text) => ['line', text] as const),
    ...(isUtf8(value) ? inJson(value.toString()) : []).map((text) => ['json', text] as const),
  ];
};

/** The text in JSON as JavaScript, Python, PHP and Go write it. */
const inJson = (text: string): string[] => {
  const unit = (character: string) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  const escaped = JSON.stringify(text).slice(1, -1);
  const ascii = escaped.replaceAll(/[^ -~]/g, unit);
  const forms = [escaped, ascii, ascii.replaceAll('/', '\\/'), escaped.replaceAll(/[<>&]/g, unit)];
  return forms.map((form) => Buffer.from(form).toString('latin1'));
};

/** The slot of a window in the table; `high` and `low` are its first and last four bytes. */
const slotOf = (high: number, low: number): number =>
  Math.imul(Math.imul(high, 0x9e3779b1) + low, 0x85ebca6b) >>> (32 - slotBits);

const searchOf = (needles: readonly Needle[]): ValueSearch => {
  /**
   * The needles of each slot are a linked list: `first` has, for each slot, 1 + the index of its
   * first needle, and `next`, for each needle, 1 + the index of the next one in that slot. 0 means
   * that there is none.
   */
  const first = new Int32Array(2 ** slotBits);
  const next = new Int32Array(needles.length);
  const offsets: number[] = [];
  for (const [index, { bytes }] of needles.entries()) {
    const offset = windowOf(bytes, first);
    offsets.push(offset);
    const slot = slotOf(bytes.readInt32BE(offset), bytes.readInt32BE(offset + 4));
    next[index] = first[slot] ?? 0;
    first[slot] = index + 1;
  }
  return (bytes) => {
    const hits: Hit[] = [];
    let [high, low] = [0, 0];
    for (let at = 0; at < bytes.length; at += 1) {
      high = (high << 8) | (low >>> 24);
      low = (low << 8) | (bytes[at] ?? 0);
      for (let one = first[slotOf(high, low)] ?? 0; one > 0; one = next[one - 1] ?? 0) {
        const needle = needles[one - 1];
        const start = at + 1 - windowBytes - (offsets[one - 1] ?? 0);
        if (needle && isAt(bytes, start, needle.bytes)) hits.push({ needle, start });
      }
    }
    const lengthOf = ({ needle }: Hit) => needle.bytes.length;
    return hits.sort((a, b) => a.start - b.start || lengthOf(b) - lengthOf(a));
  };
};

const isAt = (bytes: Uint8Array, start: number, text: Buffer): boolean =>
  bytes[start] === text[0] &&
  start + text.length <= bytes.length &&
  text.compare(bytes, start, start + text.length) === 0;

/**
 * Chooses the window of a text: one with many different bytes, which is rare in files, and whose
 * slot is free.
 */
const windowOf = (text: Buffer, first: Int32Array): number => {
  const step = Math.max(1, Math.floor((text.length - windowBytes) / windowsTried));
  let best = { offset: 0, score: -1 };
  for (let offset = 0; offset + windowBytes <= text.length; offset += step) {
    const slot = slotOf(text.readInt32BE(offset), text.readInt32BE(offset + 4));
    const different = new Set(text.subarray(offset, offset + windowBytes)).size;
    const score = different + (first[slot] === 0 ? windowBytes : 0);
    if (score > best.score) best = { offset, score };
    if (score === 2 * windowBytes) break;
  }
  return best.offset;
};
