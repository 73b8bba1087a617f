/** The document about a failure, for programs and for the console's page. */

/** An error of a file, with a code of the vault or of `dsvault`. */
export type FileError = {
  /** The file, if the command reads several. */
  readonly file?: string | undefined;
  readonly line: number;
  readonly column: number;
  readonly code: string;
  readonly name?: string | undefined;
  /** A question with names that the user may have meant. Only `dsvault` sets it. */
  readonly meant?: string | undefined;
  readonly key?: string | undefined;
  readonly dialect?: string | undefined;
  readonly reason?: string | undefined;
  readonly causeLine?: number | undefined;
  readonly causeFile?: string | undefined;
};

/**
 * The document that `--json` prints on stderr: the server's problem, or our own in the same format.
 */
export type Report = {
  readonly code: string;
  readonly detail: string;
  readonly status?: number | undefined;
  readonly requestId?: string | undefined;
  readonly retryable?: boolean | undefined;
  readonly field?: string | undefined;
  readonly scope?: string | undefined;
  readonly limit?: number | undefined;
  readonly currentVersion?: number | undefined;
  readonly errors?: readonly FileError[] | undefined;
  readonly errorsTotal?: number | undefined;
};
