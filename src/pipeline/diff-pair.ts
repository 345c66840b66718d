/**
 * One pair of objects through the native stages: compared, looked up, and made into the object that the livepatch is
 * linked from. Used by the build for each changed object and by `create-diff-object` for the one it is given.
 */
import type { EntrySizes } from '../arch/arch.js';
import { diagnose } from '../diagnostics/catalogue.js';
import { type Diagnostic, KptoolError } from '../diagnostics/diagnostic.js';
import { type DiffOutcome, diffObjects, type ObjectDiff } from '../diff/diff-objects.js';
import type { Observations, RuleQuestion } from '../diff/object-rules.js';
import { ElfObject } from '../elf/object.js';
import { readElf } from '../elf/read.js';
import { replacedFunctions } from '../livepatch/function-table.js';
import type { LivepatchParts } from '../livepatch/livepatch.js';
import type { OpenQuestion } from '../livepatch/questions.js';
import { splitRelocations } from '../livepatch/relocations.js';
import { createLookup } from '../lookup/create-lookup.js';
import type { NameRules } from '../lookup/drifting-names.js';
import { type LookupDecision, type RecordedLookup, recordLookup } from '../lookup/explain-lookup.js';
import type { Exports } from '../lookup/exports.js';
import { type Asked, describeUnresolved } from '../lookup/findings.js';
import type { Lookup } from '../lookup/lookup.js';
import { describeForeignObject } from '../lookup/membership.js';
import type { LinkOrder } from '../lookup/resolve-file.js';
import type { TargetTable } from '../lookup/symbol-table.js';
import { withLookups } from './refused-lookups.js';

export interface PairInput {
  /** `undefined` for the object of a source that the patch adds: all of it is new. */
  readonly original: Uint8Array | undefined;
  readonly patched: Uint8Array;
  /** For messages: `cm.o`. */
  readonly objectName: string;
  /** The klp object that links it: `vmlinux` or a module's name. */
  readonly target: string;
  /** All modules that link the object, for messages. */
  readonly linkedInto?: readonly string[];
  /** Where the target was found, in words, for messages. */
  readonly chosenBy?: string | undefined;
  readonly table: TargetTable;
  /** Of the kernel, for messages. */
  readonly release?: string;
  /** Of the target as rebuilt from the unpatched source, where there is one. */
  readonly referenceTable?: TargetTable | undefined;
  /** How the target was linked, where kbuild's data are at hand. */
  readonly linkOrder?: LinkOrder | undefined;
  readonly exports: Exports;
  /** Which names are not the same in two builds; absent: what kptool knows by itself. */
  readonly names?: NameRules | undefined;
  /** Modules whose exports the livepatch imports as any module does; see `importedBy`. */
  readonly isImported?: (module: string) => boolean;
  readonly entrySizes: EntrySizes;
  /** Find out why functions changed. */
  readonly explain?: boolean;
  /** See `DiffInput`: the build wants it, `create-diff-object` gives what kpatch gives. */
  readonly shipsReturningParts?: boolean;
  /** See `DiffInput`. */
  readonly rules?: RuleQuestion;
}

export type PairOutcome =
  | Extract<DiffOutcome, { kind: 'unchanged' }>
  | {
      readonly kind: 'changed';
      readonly diff: ObjectDiff;
      readonly parts: LivepatchParts;
      /** What every symbol that was needed was decided to be. */
      readonly lookups: readonly LookupDecision[];
      readonly warnings: readonly Diagnostic[];
      readonly observations: Observations | undefined;
    };

/**
 * @throws KptoolError with the findings of the diff, or with all symbols that the target cannot name; with what had been
 * decided by then, see `lookupsOf`
 */
export function diffPair(input: PairInput): PairOutcome {
  const patched = readElf(input.patched, `patched ${input.objectName}`);
  const original =
    input.original === undefined
      ? new ElfObject(`original ${input.objectName}`, patched.format, [], [])
      : readElf(input.original, `original ${input.objectName}`);
  const { table, referenceTable, linkOrder, exports } = input;
  const origin = { object: input.objectName, objectName: input.target, linkedInto: input.linkedInto ?? [] };
  const place = input.chosenBy === undefined ? {} : { chosenBy: input.chosenBy };
  // An object that the patch adds is in no target yet.
  const foreign =
    input.original === undefined ? undefined : describeForeignObject(original, table, { ...origin, ...place });
  if (foreign !== undefined) throw new KptoolError([foreign]);

  const made = createLookup({
    objectName: input.target,
    original,
    table,
    exports,
    names: input.names,
    ...(referenceTable === undefined ? {} : { referenceTable }),
    ...(linkOrder === undefined ? {} : { linkOrder }),
  });

  const { lookup, decisions } = recordLookup(made);
  try {
    return diffWithLookup(input, { original, patched }, lookup, decisions);
  } catch (error) {
    throw withLookups(error, [{ object: input.objectName, module: input.target, lookups: decisions() }]);
  }
}

function diffWithLookup(
  input: PairInput,
  { original, patched }: { readonly original: ElfObject; readonly patched: ElfObject },
  lookup: Lookup,
  decisions: RecordedLookup['decisions'],
): PairOutcome {
  const outcome = diffObjects({
    original,
    patched,
    entrySizes: input.entrySizes,
    lookup,
    explain: input.explain ?? false,
    shipsReturningParts: input.shipsReturningParts,
    rules: input.rules,
  });
  if (outcome.kind === 'unchanged') return outcome;

  // References first: a pointer to a global function asks for it as global, which it is until it is replaced.
  const { diff, warnings, observations } = outcome;
  const split = splitRelocations(diff, lookup, input.isImported);
  const replaced = replacedFunctions(diff, lookup);
  const asked = { object: input.objectName, objectName: lookup.objectName, ...addressesOnly(input) };
  const refusals = [
    ...describeOpen([...replaced.open, ...split.open], asked),
    ...split.tooLate.map(({ section, symbol }) =>
      diagnose('table-needs-module', { section: section.name, symbol: symbol.name, module: lookup.objectName }),
    ),
  ];
  if (refusals.length > 0) throw new KptoolError([...refusals, ...warnings, ...(observations?.findings ?? [])]);
  const callbacks = diff.callbacks.map((callback) => ({ ...callback, object: lookup.objectName }));
  const parts = { functions: replaced.functions, relocations: split.relocations, callbacks, archSections: [] };
  return { kind: 'changed', diff, parts, lookups: decisions(), warnings, observations };
}

/** Each symbol once, however many places refer to it. */
function describeOpen(questions: readonly OpenQuestion[], asked: Omit<Asked, 'name'>): Diagnostic[] {
  const bySymbol = new Map(questions.map((question) => [question.symbol, question]));
  return [...bySymbol.values()].flatMap(({ symbol, answer }) => {
    return describeUnresolved({ ...asked, name: symbol }, answer) ?? [];
  });
}

function addressesOnly({ table, release }: PairInput): Pick<Asked, 'addressesOf'> {
  return table.order === 'address' && release !== undefined ? { addressesOf: release } : {};
}
