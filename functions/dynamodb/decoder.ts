/** Decodes a stored item strictly, because somebody else may have written it. */
import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { VaultError } from '../model/errors.ts';
import { parseInstant } from '../model/instants.ts';
import type { ItemKey } from './table.ts';

/** Each function throws `integrity_failure` unless the attribute exists and has its type and form. */
export type Decoder = {
  readonly text: (attribute: string) => string;
  readonly integer: (attribute: string, min: number, max: number) => number;
  readonly instant: (attribute: string) => number;
  readonly bytes: (attribute: string, min: number, max: number) => Uint8Array;
  readonly list: <Entry>(attribute: string, decode: (decoder: Decoder) => Entry) => Entry[];
  /** Throws `integrity_failure` if the item has another attribute that was not decoded. */
  readonly nothingElse: () => void;
};

/** Decodes the attributes of an item one by one. Throws `integrity_failure` if `key` is given and is not its key. */
export const createDecoder = (
  item: Readonly<Record<string, AttributeValue>>,
  key?: ItemKey,
): Decoder => {
  const rest = new Map(Object.entries(item));
  const take = (attribute: string): AttributeValue => {
    const found = rest.get(attribute);
    if (!found) throw malformed();
    rest.delete(attribute);
    return found;
  };
  const text = (attribute: string): string => {
    const { S } = take(attribute);
    if (S === undefined || S === '') throw malformed();
    return S;
  };
  if (key && (text('pk') !== key.pk || text('sk') !== key.sk)) throw malformed();
  return {
    text,
    integer: (attribute, min, max) => {
      const { N } = take(attribute);
      const number = Number(N);
      if (N === undefined || String(number) !== N || !Number.isInteger(number)) throw malformed();
      if (number < min || number > max) throw malformed();
      return number;
    },
    instant: (attribute) => {
      const instant = parseInstant(text(attribute));
      if (instant === undefined) throw malformed();
      return instant;
    },
    bytes: (attribute, min, max) => {
      const { B } = take(attribute);
      if (B === undefined || B.length < min || B.length > max) throw malformed();
      return B;
    },
    list: (attribute, decode) => {
      const { L } = take(attribute);
      if (L === undefined) throw malformed();
      return L.map(({ M }) => {
        if (M === undefined) throw malformed();
        const entry = createDecoder(M);
        const decoded = decode(entry);
        entry.nothingElse();
        return decoded;
      });
    },
    nothingElse: () => {
      if (rest.size > 0) throw malformed();
    },
  };
};

export const malformed = (): VaultError =>
  new VaultError('integrity_failure', 'a stored item is not as it was written');
