/** The types of `build.js`. */
import type { Metafile } from 'esbuild';

export declare const buildProgram: (outfile: string, pages?: string) => Metafile;
export declare const buildInstalled: (outfile: string) => void;
export declare const buildPage: (outdir: string) => Metafile;
