import { TowercastError } from '../functions/shared/errors.ts';

/** Why the stack can't start, in one line that says what to do about it. `main.ts` prints it and exits with 1. */
export class StartError extends TowercastError {
  constructor(code: string, message: string, options?: ErrorOptions) {
    super(code, message, options);
    this.name = 'StartError';
  }
}
