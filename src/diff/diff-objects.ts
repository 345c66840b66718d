/**
 * Compares the object that a source file compiles to before and after the patch, and makes the object that carries the
 * difference. This is the order in which it happens; each pass takes what those before it found.
 */

import { type Arch, type EntrySizes, selectArch } from '../arch/arch.js';
import { knownArchs } from '../arch/known.js';
import { fail } from '../diagnostics/catalogue.js';
import { type Diagnostic, KptoolError } from '../diagnostics/diagnostic.js';
import { STT } from '../elf/constants.js';
import type { ElfObject, ElfSection, ElfSymbol } from '../elf/object.js';
import type { Lookup } from '../lookup/lookup.js';
import { applyAuthorMarks } from './author-marks.js';
import { type Callback, findCallbacks, includeCallbacks } from './callbacks.js';
import { carryAlong, partResizedConstants } from './carry-along.js';
import { checkPatchable } from './check-patchable.js';
import { type Comparison, compareObjects, type Status, settleRefused } from './compare.js';
import { copyUnnamedTexts } from './copied-texts.js';
import { adoptOriginalNames, correlate } from './correlate.js';
import { type ChangeReason, explainChanges } from './explain.js';
import { keepForcedMarks } from './forced-functions.js';
import { chooseIncluded, type Inclusion } from './include.js';
import { correlateByLine } from './line-names.js';
import { type Observations, observe, type RuleQuestion } from './object-rules.js';
import { rebuildOrc } from './orc.js';
import { assembleOutput } from './output.js';
import { type PreparedObject, prefixesOf, prepareObject } from './prepare.js';
import { rebuildTables, tableNames } from './special-tables.js';
import { takeReturningParts } from './split-parts.js';
import { correlateStaticLocals } from './static-locals.js';
import { rebuildUnknownTables } from './unknown-tables.js';

export interface DiffInput {
  /** As read from the file; used up by the comparison. */
  readonly original: ElfObject;
  readonly patched: ElfObject;
  readonly entrySizes: EntrySizes;
  readonly lookup: Lookup;
  /** Find out why functions changed; costs a second look at each. */
  readonly explain?: boolean;
  /**
   * An unchanged `foo.cold` that jumps back into a changed `foo` goes along. kpatch leaves it behind; without this the
   * result is kpatch's, with a warning.
   */
  readonly shipsReturningParts?: boolean | undefined;
  /** Hold the pair against the rules of live patching as well. */
  readonly rules?: RuleQuestion | undefined;
}

export type DiffOutcome =
  | {
      readonly kind: 'unchanged';
      /** See `ObjectDiff`: where it was asked for, the functions in which only line numbers moved. */
      readonly reasons: ReadonlyMap<ElfSymbol, ChangeReason>;
      readonly warnings: readonly Diagnostic[];
      /** Where it was asked for. */
      readonly observations: Observations | undefined;
    }
  | {
      readonly kind: 'changed';
      readonly diff: ObjectDiff;
      readonly warnings: readonly Diagnostic[];
      readonly observations: Observations | undefined;
    };

/** What one source file contributes to the livepatch. */
export interface ObjectDiff {
  readonly arch: Arch;
  /** The changed and new functions with all that they need; references to the rest are undefined. */
  readonly object: ElfObject;
  /** For the symbols of `object`. */
  readonly statuses: ReadonlyMap<ElfSymbol, Status>;
  /** Functions that are redirected, in table order. */
  readonly changedFunctions: readonly ElfSymbol[];
  /** Without those that were split off from another one. */
  readonly newFunctions: readonly ElfSymbol[];
  readonly newData: readonly ElfSymbol[];
  /** Functions that the livepatch core calls around the patching; they are among the new functions too. */
  readonly callbacks: readonly Callback[];
  /** Functions that GCC split off from another one: `foo.cold`. */
  readonly splitFunctions: ReadonlySet<ElfSymbol>;
  /** Functions left behind that other objects enter at another place (`Arch.hasEntryOfItsOwn`). */
  readonly ownEntries: ReadonlySet<ElfSymbol>;
  /** Changed functions on whose original no indirect call may land, and on the new one it may (`Arch.isCallTarget`). */
  readonly newlyCallable: ReadonlySet<ElfSymbol>;
  /** Sections of `object` that the kernel reads while it loads the livepatch. */
  readonly tableSections: ReadonlySet<ElfSection>;
  /**
   * Where it was asked for: why each changed function changed, and which functions count as unchanged since only line
   * numbers moved in them (`line number`; these need not be symbols of `object`).
   */
  readonly reasons: ReadonlyMap<ElfSymbol, ChangeReason>;
}

/**
 * @throws KptoolError with every finding that stands in the way, see the passes; `elf-formats-differ`,
 *   `elf-machine-unsupported`, `livepatch-compared`
 */
export function diffObjects(input: DiffInput): DiffOutcome {
  const arch = commonArch(input.original, input.patched);
  refuseLivepatch(input.original);
  refuseLivepatch(input.patched);

  // Debug data and build by-products go; references name symbols instead of sections and offsets.
  const original = prepareObject(input.original, arch);
  const patched = prepareObject(input.patched, arch);

  // Who is who. From here on every part of the patched object has its twin or is new.
  const correlation = correlate(original, patched);
  correlateByLine(original, patched, correlation);
  const staticLocalFindings = correlateStaticLocals(original, patched, correlation);

  // A constant of another size is another constant; its users bring the new one along.
  const parted = partResizedConstants({ original, patched, correlation });

  // The target knows the original's numbered names, and so do the lookup and the messages.
  adoptOriginalNames(patched, correlation);

  const { comparison, findings, refused } = compareObjects({ original, patched, correlation }, input.entrySizes);
  const markFindings = applyAuthorMarks(patched, comparison);
  const { callbacks, findings: callbackFindings } = findCallbacks(patched, comparison);

  const ownChanges = new Set(changedOf(patched, comparison));

  // The new function must not come back to the original one by way of a part that did not change.
  if (input.shipsReturningParts) takeReturningParts(patched, comparison);

  // What cannot change in place goes along with those who use it, as new.
  const carried = carryAlong({ original, patched, correlation, comparison, tableNames: tableNames(arch) }, parted);

  // Whatever has been refused by now, the author is to learn of everything else at the same time.
  settleRefused(comparison, refused);
  const early = [...staticLocalFindings, ...findings, ...callbackFindings, ...carried.findings];

  // What is the same and has no name that tells it apart goes along as a copy, where a copy is as good.
  copyUnnamedTexts(patched, comparison, input.lookup);

  // Changed functions, and what they need that the target does not have.
  const { inclusion, changedFunctions, hasNewGlobals } = chooseIncluded(patched, comparison);
  includeCallbacks(inclusion, callbacks);

  // While both objects are still whole.
  const sides = { original, patched, correlation, comparison };
  const isExplained = input.explain === true;
  const because =
    isExplained || input.rules !== undefined
      ? explainChanges({ ...sides, changedFunctions, toldLines: isExplained })
      : new Map<ElfSymbol, ChangeReason>();
  const observations =
    input.rules === undefined
      ? undefined
      : observe({ ...sides, ...input.rules, changed: ownChanges, functions: functionsOf(inclusion), reasons: because });
  const reasons = isExplained ? because : new Map<ElfSymbol, ChangeReason>();

  // The special tables shrink to the included functions. They may bring in more data, but no more functions.
  const tableInput = { patched, inclusion, entrySizes: input.entrySizes, lookup: input.lookup };
  const special = rebuildTables(tableInput);
  const unknown = rebuildUnknownTables(tableInput, correlation);
  const orc = rebuildOrc(patched, inclusion, input.entrySizes);
  const forced = keepForcedMarks(patched, inclusion);
  const tables = new Map([...special.tables, ...unknown.tables, ...orc.tables, ...forced.tables]);

  const refusals = checkPatchable({ original, patched, correlation, comparison, inclusion, tables, ...carried });
  const warnings = stopAtErrors(
    [
      ...early,
      ...markFindings,
      ...special.findings,
      ...unknown.findings,
      ...orc.findings,
      ...forced.findings,
      ...refusals,
    ],
    observations?.findings,
  );
  if (changedFunctions.length === 0 && !hasNewGlobals && callbacks.length === 0) {
    return { kind: 'unchanged', reasons, warnings, observations };
  }

  // The original has served; the patched object becomes the output.
  const newlyCallable = new Set(
    changedFunctions.filter((symbol) => {
      const twin = correlation.symbols.originalOf(symbol);
      return twin !== undefined && arch.isCallTarget?.(symbol) === true && arch.isCallTarget(twin) === false;
    }),
  );
  const ownEntries = new Set(patched.object.symbols.filter((symbol) => arch.hasEntryOfItsOwn(symbol)));
  const object = assembleOutput({ patched, comparison, inclusion, tables });
  const isNew = (symbol: ElfSymbol) => symbol.section !== undefined && comparison.symbols.get(symbol) === 'new';
  const prefixes = new Set(object.sections.flatMap((section) => prefixesOf(patched, section)));
  const diff: ObjectDiff = {
    arch,
    object,
    statuses: comparison.symbols,
    changedFunctions: changedFunctions.filter((symbol) => isRedirected(symbol, arch, patched.parentOf)),
    newFunctions: object.symbols.filter(
      (symbol) => symbol.type === STT.FUNC && isNew(symbol) && !patched.parentOf.has(symbol) && !prefixes.has(symbol),
    ),
    newData: object.symbols.filter((symbol) => symbol.type === STT.OBJECT && isNew(symbol)),
    callbacks,
    splitFunctions: new Set(patched.parentOf.keys()),
    ownEntries,
    newlyCallable,
    tableSections: new Set([...special.tables.keys(), ...unknown.tables.keys()]),
    reasons,
  };
  return { kind: 'changed', diff, warnings, observations };
}

function commonArch(original: ElfObject, patched: ElfObject): Arch {
  const { format } = original;
  const keys = ['byteOrder', 'machine', 'flags', 'osAbi', 'abiVersion'] as const;
  const differing = keys.filter((key) => format[key] !== patched.format[key]);
  if (differing.length > 0) {
    const fields = differing.map((key) => `${key}: ${format[key]} and ${patched.format[key]}`);
    fail('elf-formats-differ', { original: original.fileName, patched: patched.fileName, fields });
  }
  const arch = selectArch(format, knownArchs);
  return arch ?? fail('elf-machine-unsupported', { fileName: original.fileName, machine: format.machine });
}

/** Relocations and symbols for the livepatch loader; no compiler makes them (Documentation/livepatch/module-elf-format.rst). */
function refuseLivepatch({ fileName, sections, symbols }: ElfObject): void {
  const table = sections.flatMap(({ extraRelocationTables }) => extraRelocationTables)[0];
  const symbol = symbols.find(({ place }) => place === 'livepatch');
  if (table !== undefined) fail('livepatch-compared', { fileName, found: `the relocation table ${table.name}` });
  if (symbol !== undefined) fail('livepatch-compared', { fileName, found: `the symbol ${symbol.name}` });
}

/** `foo.cold` is reached from `foo`; a `foo.part.0` with an ftrace entry of its own is redirected like any function. */
function isRedirected(symbol: ElfSymbol, arch: Arch, parentOf: ReadonlyMap<ElfSymbol, ElfSymbol>): boolean {
  return !parentOf.has(symbol) || arch.traceOffset(symbol) !== undefined;
}

/** What broke a rule may be the reason for the rest. */
function stopAtErrors(findings: readonly Diagnostic[], broken: readonly Diagnostic[] = []): readonly Diagnostic[] {
  if (findings.some(({ severity }) => severity === 'error')) throw new KptoolError([...findings, ...broken]);
  return findings;
}

function changedOf({ object }: PreparedObject, { symbols }: Comparison): ElfSymbol[] {
  return object.symbols.filter((symbol) => symbol.type === STT.FUNC && symbols.get(symbol) === 'changed');
}

/** Those that the livepatch brings along. */
function functionsOf({ sections, symbols }: Inclusion): ElfSymbol[] {
  return [...symbols].filter(
    ({ type, section }) => type === STT.FUNC && section !== undefined && sections.has(section),
  );
}
