/** The step `finish`: what kbuild linked becomes a livepatch, and the result is proved. It needs no kernel and no program. */
import { type EntrySizes, selectArch } from '../arch/arch.js';
import { knownArchs } from '../arch/known.js';
import { type Diagnostic, KptoolError } from '../diagnostics/diagnostic.js';
import { tableEntrySizes } from '../diff/special-tables.js';
import { readElf } from '../elf/read.js';
import { writeElf } from '../elf/write.js';
import type { ExportedSymbol } from '../kernel/symvers.js';
import { finishModule } from '../livepatch/finish.js';
import { kernelModuleName } from '../livepatch/names.js';
import { type ModuleExpectations, verifyModule } from '../livepatch/verify.js';
import type { Contribution } from './compare-objects.js';
import type { Target } from './target.js';
import type { TargetModule } from './target-modules.js';

/** Everything that the step works on. */
export interface FinishInput {
  /** The livepatch's name. */
  readonly name: string;
  /** What kbuild linked; the livepatch parts are in the intermediate format. */
  readonly linked: Uint8Array;
  /** `EM_*` of the target kernel. */
  readonly machine: number;
  readonly release: string;
  /** Version magic of a module that runs: what the kernel accepted once it will accept again. */
  readonly vermagic: string | undefined;
  /** What the kernel and modules export to the livepatch; the first of a name counts. */
  readonly exports: readonly ExportedSymbol[];
  readonly functions: ModuleExpectations['functions'];
  readonly callbacks: NonNullable<ModuleExpectations['callbacks']>;
  readonly entrySizes: EntrySizes;
}

/** What is known of the livepatch before it is finished. */
export function finishInput(
  linked: Uint8Array,
  { name, contributions, targets, exports, target, entrySizes }: FinishScene,
): FinishInput {
  return {
    ...{ name, linked, exports, entrySizes },
    machine: target.kernel.architecture.machine,
    release: target.kernel.release,
    vermagic: targets.find(({ wasSeen, module }) => wasSeen && module.vermagic !== '')?.module.vermagic,
    functions: contributions.flatMap(({ parts }) =>
      parts.functions.map(({ object, name: functionName, sympos }) => ({ object, name: functionName, sympos })),
    ),
    callbacks: contributions.flatMap(({ parts }) =>
      parts.callbacks.map(({ object, kind, symbol }) => ({ object, kind, name: symbol.name })),
    ),
  };
}

interface FinishScene {
  readonly name: string;
  readonly contributions: readonly Contribution[];
  readonly targets: readonly TargetModule[];
  /** See `LivepatchSources`. */
  readonly exports: readonly ExportedSymbol[];
  readonly target: Target;
  readonly entrySizes: EntrySizes;
}

/**
 * Writes the klp relocations and symbols, and proves the result.
 * @throws KptoolError with what the verification finds
 */
export function finishLivepatch(input: FinishInput): { bytes: Uint8Array; warnings: readonly Diagnostic[] } {
  const { name, machine, release, vermagic, exports, functions, callbacks, entrySizes } = input;
  const linked = readElf(input.linked, `${name}.ko`);
  const arch = selectArch(linked.format, knownArchs);
  if (arch === undefined) throw new RangeError('a livepatch for a machine that no object could be compared for');
  const bytes = writeElf(finishModule(linked, arch));
  const findings = verifyModule(readElf(bytes, `${name}.ko`), {
    ...{ machine, release, functions, callbacks },
    name: kernelModuleName(name),
    ...(vermagic === undefined ? {} : { vermagic }),
    // Of a map's entries the last counts.
    exports: new Map([...exports].reverse().map(({ name: symbol, crc }) => [symbol, crc])),
    entrySizes: tableEntrySizes(arch, entrySizes),
    // The probe finds the row's size only where the kernel has such tables.
    hasUnwindData: entrySizes.ORC_STRUCT_SIZE !== undefined,
    rules: arch,
  });
  if (findings.some(({ severity }) => severity === 'error')) throw new KptoolError(findings);
  return { bytes, warnings: findings };
}
