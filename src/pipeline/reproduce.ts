/** `kptool reproduce`: does the failed step of a bundle again, and says whether it fails as it did. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fail } from '../diagnostics/catalogue.js';
import type { Diagnostic } from '../diagnostics/diagnostic.js';
import { writingError } from '../system/system-error.js';
import type { BuildStep } from './build-steps.js';
import { lastBundle } from './bundle/last-bundle.js';
import { readBundle, writeBundleInto } from './bundle/read-bundle.js';
import { type ReplayWay, replay } from './bundle/replay.js';

export interface ReproduceOptions {
  /** Absolute path of a bundle, or of the folder that one was unpacked into; `undefined`: the last one (`--last`). */
  readonly bundle: string | undefined;
  /** Absent: the step that failed. */
  readonly step?: BuildStep | undefined;
  /** Absolute path of a folder to unpack the bundle into. */
  readonly into?: string | undefined;
  /** Absolute; where `--last` looks first. */
  readonly workingDirectory: string;
  /** Absolute; knows which bundle was the last one. */
  readonly cache: string;
}

export type ReproduceOutcome = 'reproduced' | 'other-failure' | 'no-failure';

export interface ReproduceReport {
  readonly outcome: ReproduceOutcome;
  /** Absolute. */
  readonly bundle: string;
  /** The version of kptool that wrote the bundle. */
  readonly writtenBy: string;
  readonly name: string;
  readonly kernel: { readonly release: string; readonly chosenBy: string };
  readonly step: BuildStep;
  /** In which step the build failed. */
  readonly failedStep: BuildStep;
  readonly way: ReplayWay;
  /** What the step ended with then; none where it came to a good end and a later one failed. */
  readonly original: readonly Diagnostic[];
  readonly replayed: readonly Diagnostic[];
  readonly unpackedTo: string | undefined;
}

/**
 * @throws KptoolError with `bundle-none-known`, `bundle-step-missing`, what `readBundle` throws, and what a replay needs and
 * does not find
 */
export async function reproduce(options: ReproduceOptions): Promise<ReproduceReport> {
  const file =
    options.bundle ??
    (await lastBundle(options.cache, options.workingDirectory)) ??
    fail('bundle-none-known', { cache: options.cache });
  const bundle = await readBundle(file);
  const { manifest } = bundle;
  if (options.into !== undefined) await writeBundleInto(options.into, bundle.files);
  const step = options.step ?? manifest.step;
  const replayed = await inPrivateFolder((folder) => replay(bundle, step, folder));
  if (replayed === undefined) fail('bundle-step-missing', { file, step, failedStep: manifest.step });
  const original = step === manifest.step ? manifest.diagnostics : [];
  return {
    outcome: outcomeOf(original, replayed.diagnostics),
    bundle: file,
    writtenBy: manifest.version,
    name: manifest.name,
    kernel: { release: manifest.kernel.release, chosenBy: manifest.kernel.chosenBy },
    step,
    failedStep: manifest.step,
    way: replayed.way,
    original,
    replayed: replayed.diagnostics,
    unpackedTo: options.into,
  };
}

/** Whether the findings are the same, word for word. */
export function isSameFailure(original: readonly Diagnostic[], replayed: readonly Diagnostic[]): boolean {
  return JSON.stringify(original.map(inOrder)) === JSON.stringify(replayed.map(inOrder));
}

function outcomeOf(original: readonly Diagnostic[], replayed: readonly Diagnostic[]): ReproduceOutcome {
  if (isSameFailure(original, replayed)) return 'reproduced';
  return replayed.length === 0 ? 'no-failure' : 'other-failure';
}

/** The same keys in the same order, whether the finding was worded or read. */
function inOrder(finding: Diagnostic): unknown {
  return Object.entries(finding).sort(([a], [b]) => (a < b ? -1 : 1));
}

async function inPrivateFolder<Result>(work: (folder: string) => Promise<Result>): Promise<Result> {
  const folder = await mkdtemp(path.join(tmpdir(), 'kptool-replay-')).catch((error: unknown) => {
    throw writingError(error, tmpdir(), 'work-folder-unwritable');
  });
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
