/**
 * At the start of each test file, lets others read new files again. A process that opens a data
 * folder sets a umask that keeps new files private from then on, and one process runs many test
 * files.
 */
process.umask(0o022);
