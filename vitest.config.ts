/** Four tiers, by what a machine must have: Node; gcc and binutils; the corpus; kernel headers, an image and QEMU. */
import { defineConfig } from 'vitest/config';
import { SlowestFirst } from './test/slowest-first.js';

const minutes = 60_000;

/**
 * Test files that run in one process import each module once: importing them anew for every file took longer than many a
 * file. A file must leave behind what it found, environment and mocks above all.
 */
const sharing = { isolate: false };

/** For the tiers that run the built program. */
const compiled = { ...sharing, globalSetup: ['test/compiled-kptool.ts'] };

export default defineConfig({
  test: {
    // By itself vitest leaves one CPU for others.
    maxWorkers: '100%',
    globalSetup: ['test/temporary-files.ts'],
    sequence: { sequencer: SlowestFirst },
    projects: [
      { test: { ...sharing, name: 'unit', include: ['test/unit/**/*.test.ts'], testTimeout: 30_000 } },
      { test: { ...compiled, name: 'cases', include: ['test/cases/**/*.test.ts'], testTimeout: 2 * minutes } },
      { test: { ...sharing, name: 'corpus', include: ['test/corpus/**/*.test.ts'], testTimeout: 2 * minutes } },
      {
        test: {
          ...compiled,
          name: 'kernel',
          include: ['test/kernel/**/*.test.ts'],
          // A build or a boot keeps one CPU busy, rarely two; more of them side by side would only wait for each other.
          maxWorkers: 2,
          testTimeout: 10 * minutes,
          hookTimeout: 20 * minutes,
        },
      },
    ],
  },
});
