/**
 * Lets new files be read by others at the start of each file of tests. Opening a data folder closes new files to others,
 * for the rest of its process, and one process runs many files of tests.
 */
process.umask(0o022);
