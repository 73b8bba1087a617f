/** The types of `build.js`. */
import type { Metafile } from 'esbuild';

/** What a package knows, and the bundle of a checkout does not. */
type Packed = { readonly commit: string | null; readonly pages: string | undefined };

export declare const buildProgram: (outfile: string, packed?: Packed) => Metafile;
export declare const buildInstalled: (outfile: string) => void;
export declare const buildPage: (outdir: string) => Metafile;
