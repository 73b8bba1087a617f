/** The types of `build.js`. */
import type { Metafile } from 'esbuild';

/**
 * What `npm run pack` builds into a package, and a checkout leaves out: its commit, and the address
 * of the documentation if there is one.
 */
type Packed = { readonly commit: string | null; readonly pages: string | undefined };

export declare const buildProgram: (outfile: string, packed?: Packed) => Metafile;
export declare const buildInstalled: (outfile: string) => void;
export declare const buildPage: (outdir: string) => Metafile;
