import { defineConfig } from 'vitest/config';

/** They wait for the timers' next full minute, most of the time idle: all at once they take little more than one. */
const waitForTheMinute = [
  'auto-disable',
  'dead-letter',
  'flow-locker-open',
  'flow-positions',
  'flow-reservations',
  'reservation-statuses',
].map((name) => `test/e2e/${name}.test.ts`);

export default defineConfig({
  test: {
    // End-to-end tests run engines and functions as processes of their own: more files at once only time out.
    maxWorkers: 2,
    reporters: ['default', './test/helpers/summary-reporter.ts'],
    projects: [
      {
        extends: true,
        test: {
          name: 'parts',
          include: ['test/**/*.test.ts'],
          exclude: ['test/e2e/**', 'test/faults/**', 'test/lib/**', 'test/regressions/**'],
          testTimeout: 30_000,
          hookTimeout: 60_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: 'stack',
          include: ['test/lib/**/*.test.ts', 'test/regressions/**/*.test.ts'],
          // Loading the CDK and synthesizing cost a second each: files that run in one process share both.
          isolate: false,
          globalSetup: ['test/helpers/synthesis-folder.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          exclude: waitForTheMinute,
          globalSetup: ['test/helpers/assembly.ts'],
          testTimeout: 180_000,
          hookTimeout: 120_000,
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          name: 'minutes',
          include: waitForTheMinute,
          globalSetup: ['test/helpers/assembly.ts'],
          maxWorkers: waitForTheMinute.length,
          testTimeout: 180_000,
          hookTimeout: 120_000,
          sequence: { groupOrder: 2 },
        },
      },
      {
        extends: true,
        test: {
          name: 'faults',
          include: ['test/faults/**/*.test.ts'],
          // Cases run side by side and wait most of the time. More at once would wait for a processor.
          maxConcurrency: 300,
          // A task that fails for ever is given three times, 36 seconds apart, before anybody sees it.
          testTimeout: 400_000,
          hookTimeout: 120_000,
          sequence: { groupOrder: 3 },
        },
      },
    ],
  },
});
