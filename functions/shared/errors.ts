/** Something unexpected. `code` is stable: alarms, tests and log searches may rest on it. */
export class TowercastError extends Error {
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'TowercastError';
    this.code = code;
  }
}
