/** The command can't be understood: exit code 2. The message may have several lines. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** The command was understood and did not work: exit code 1. */
export class FailedError extends Error {
  override readonly name = 'FailedError';
}
