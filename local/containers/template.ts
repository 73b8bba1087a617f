/** Parses a template of CloudFormation. */
import { parse, type YAMLMap, type YAMLSeq } from 'yaml';

const intrinsics = ['Ref', 'Sub', 'GetAtt', 'If', 'Equals', 'Not', 'And', 'Or', 'Join', 'Select'];
const long = (name: string) => (name === 'Ref' ? name : `Fn::${name}`);
const customTags = intrinsics.flatMap((name) => [
  { tag: `!${name}`, resolve: (text: string) => ({ [long(name)]: text }) },
  {
    tag: `!${name}`,
    collection: 'seq' as const,
    resolve: (node: YAMLMap | YAMLSeq) => ({ [long(name)]: node.toJSON() }),
  },
]);

/**
 * Parses the YAML of a CloudFormation template into plain data: `!Ref X` becomes `{ Ref: 'X' }`, as
 * in JSON.
 */
export const parseTemplate = (text: string): unknown => parse(text, { customTags });
