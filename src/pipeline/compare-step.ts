/** The step `diff`: both sides compared, and the checksums of what they export. It needs no kernel and no program. */
import type { Diagnostic } from '../diagnostics/diagnostic.js';
import type { TargetTable } from '../lookup/symbol-table.js';
import { hashFile } from '../system/hash.js';
import { type ComparisonQuestion, type ComparisonResult, compareObjects } from './compare-objects.js';
import { changedExports, compareVersions, type VersionsQuestion } from './export-versions.js';
import { applyRuleLevels } from './rule-levels.js';
import { findSealedAddresses, type SealQuestion } from './sealed-addresses.js';
import { hashOf, type StepInputs } from './step-stamps.js';

/** Everything that the step works on. */
export interface CompareInput
  extends Omit<ComparisonQuestion, 'changedExports'>,
    Pick<VersionsQuestion, 'versions' | 'patches'>,
    Pick<SealQuestion, 'findKernelSeals'> {}

export interface Compared extends ComparisonResult {
  /** What came of the checksums, and of the functions that are pointed to; errors among them stop the build. */
  readonly findings: readonly Diagnostic[];
}

/** @throws KptoolError with what `compareObjects` throws */
export async function compareStep(input: CompareInput): Promise<Compared> {
  const { versions, targets, patches, verification, findKernelSeals } = input;
  const compared = await compareObjects({ ...input, changedExports: changedExports(versions) });
  // What other modules were built to call must still be what they call.
  const { contributions, exportTypes } = compared;
  const versionFindings = compareVersions({ versions, targets, contributions, patches, exportTypes });
  // On kernels that track indirect branches not every function may be called through a pointer.
  const { kernel } = verification;
  const sealFindings = await findSealedAddresses({ kernel, contributions, targets, findKernelSeals });
  return { ...compared, findings: [...applyRuleLevels(versionFindings, input.rules), ...sealFindings] };
}

/** What the comparison depends on, by what it is about. Throws what reading the objects throws. */
export async function compareInputs(input: CompareInput): Promise<StepInputs> {
  const { pairs, targets, linked, exports, entrySizes, names, rules, verification } = input;
  const objects = pairs.flatMap(({ object, original, patched }) => [
    ...(original === undefined ? [] : [[`the original ${object}`, original] as const]),
    [`the patched ${object}`, patched] as const,
  ]);
  const { skipCheck, skipCompilerCheck } = verification;
  return {
    ...Object.fromEntries(await Promise.all(objects.map(async ([name, file]) => [name, await hashFile(file)]))),
    ...Object.fromEntries(
      targets.map(({ name, module, table }) => [
        `the module ${name}`,
        hashOf(table === undefined ? module.image.bytes : symbolsOf(table)),
      ]),
    ),
    'the exports': hashOf(JSON.stringify(exports)),
    'the order of the last link': hashOf(JSON.stringify(linked)),
    'the sizes of entries': JSON.stringify(entrySizes),
    // Whether changes are explained makes no difference to what comes out.
    'the options': JSON.stringify({ skipCheck, skipCompilerCheck, names, rules: [...rules] }),
  };
}

/** What tells one vmlinux from another. */
function symbolsOf({ symbols }: TargetTable): string {
  return symbols.map(({ name, value }) => `${name} ${value}`).join('\n');
}
