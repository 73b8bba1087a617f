/** Lets modules import style sheets. esbuild writes them to a file next to the script. */
declare module '*.css';
