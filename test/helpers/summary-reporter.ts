import { writeSync } from 'node:fs';
import type { Reporter, SerializedError, TestModule, TestSuite } from 'vitest/node';

interface Summary {
  passed: number;
  failed: number;
  skipped: number;
}

/** `N passed, N failed`, and `, N skipped` when some were. */
const summaryLine = ({ passed, failed, skipped }: Summary): string =>
  `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;

/**
 * Counts tests. A file or suite that failed outside its tests counts as one failed test, and so does an error that
 * nothing caught: else a file that does not even load would count as nothing.
 */
function summarize(modules: readonly TestModule[], unhandledErrors: number): Summary {
  const summary: Summary = { passed: 0, failed: unhandledErrors, skipped: 0 };
  for (const module of modules) {
    summary.failed += failedOutsideTests(module);
    for (const suite of module.children.allSuites()) summary.failed += failedOutsideTests(suite);
    for (const test of module.children.allTests()) {
      const { state } = test.result();
      // Still pending at the end: the run was interrupted.
      summary[state === 'pending' ? 'failed' : state] += 1;
    }
  }
  return summary;
}

const failedOutsideTests = (suite: TestModule | TestSuite): number => (suite.errors().length > 0 ? 1 : 0);

/** Prints the summary as the very last line of the run, after whatever vitest itself has to say. */
export default class SummaryReporter implements Reporter {
  #line: string | null = null;

  onInit(): void {
    process.once('exit', () => {
      if (this.#line !== null) writeSync(1, `${this.#line}\n`);
    });
  }

  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly SerializedError[]): void {
    this.#line = summaryLine(summarize(modules, unhandledErrors.length));
  }
}
