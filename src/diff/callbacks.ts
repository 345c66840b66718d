/**
 * Functions that the author of a patch wants called around the patching: macros such as `KPATCH_PRE_PATCH_CALLBACK` leave a
 * pointer to each in a section of its own. They go into the livepatch with all that they need, also where nothing else does.
 */
import type { Arch } from '../arch/arch.js';
import { diagnose } from '../diagnostics/catalogue.js';
import type { Diagnostic } from '../diagnostics/diagnostic.js';
import { STT } from '../elf/constants.js';
import type { ElfSection, ElfSymbol, Relocation } from '../elf/object.js';
import type { Comparison } from './compare.js';
import type { Inclusion } from './include.js';
import { isInitSection } from './names.js';
import type { PreparedObject } from './prepare.js';

/** When the livepatch core calls it (`struct klp_callbacks` in include/linux/livepatch.h). */
export type CallbackKind = 'pre_patch' | 'post_patch' | 'pre_unpatch' | 'post_unpatch';

export interface Callback {
  readonly kind: CallbackKind;
  /** A new function of the object. */
  readonly symbol: ElfSymbol;
  /** The record that names it: its section, and where it begins there, in bytes. */
  readonly section: ElfSection;
  readonly offset: number;
}

/** kpatch's names (kmod/patch/kpatch-macros.h). */
const callbackSections: ReadonlyMap<string, CallbackKind> = new Map([
  ['.kpatch.callbacks.pre_patch', 'pre_patch'],
  ['.kpatch.callbacks.post_patch', 'post_patch'],
  ['.kpatch.callbacks.pre_unpatch', 'pre_unpatch'],
  ['.kpatch.callbacks.post_unpatch', 'post_unpatch'],
]);

/** Bytes: a pointer to the function, and one to the name of the klp object, which the livepatch assembly fills in. */
const recordSize = 16;

export interface FoundCallbacks {
  readonly callbacks: readonly Callback[];
  readonly findings: readonly Diagnostic[];
}

/** @returns the callbacks in the order in which they are called, and `callback-unreadable`, `callback-unusable` */
export function findCallbacks(patched: PreparedObject, comparison: Comparison): FoundCallbacks {
  const callbacks: Callback[] = [];
  const findings: Diagnostic[] = [];
  for (const [name, kind] of callbackSections) {
    for (const section of patched.object.sections.filter((candidate) => candidate.name === name)) {
      const pointers = functionPointers(section, patched.arch);
      if (pointers === undefined) findings.push(diagnose('callback-unreadable', { section: name }));
      for (const { symbol, offset } of pointers ?? []) {
        const problem = problems.find(({ matches }) => matches(symbol, comparison))?.problem;
        if (problem === undefined) callbacks.push({ kind, symbol, section, offset });
        else findings.push(diagnose('callback-unusable', { functionName: symbol.name, kind, problem }));
      }
    }
  }
  return { callbacks, findings };
}

/** One pointer at the start of every record and nothing else; `undefined` where the section holds something different. */
function functionPointers({ size, relocations }: ElfSection, arch: Arch): readonly Relocation[] | undefined {
  const pointers = [...relocations].sort((a, b) => a.offset - b.offset);
  const isWhole = size > 0 && pointers.length * recordSize === size;
  const isPointer = ({ type, offset, addend }: Relocation, index: number) =>
    type === arch.absolute64 && offset === index * recordSize && addend === 0;
  return isWhole && pointers.every(isPointer) ? pointers : undefined;
}

/** Why a function cannot be called by the livepatch core. The first that fits speaks. */
const problems: readonly {
  readonly matches: (symbol: ElfSymbol, comparison: Comparison) => boolean;
  readonly problem: string;
}[] = [
  {
    matches: ({ type, section }) => type !== STT.FUNC || section === undefined,
    problem: 'is not a function of this source file',
  },
  {
    // A copy would be called, while the rest of the livepatch calls the target's.
    matches: (symbol, comparison) => comparison.symbols.get(symbol) !== 'new',
    problem: 'is there without the patch too',
  },
  {
    matches: ({ section }) => section !== undefined && isInitSection(section),
    problem: 'is gone from memory once the livepatch is loaded',
  },
];

/** Includes the records and their functions, with all that these need. */
export function includeCallbacks(inclusion: Inclusion, callbacks: readonly Callback[]): void {
  for (const { section } of callbacks) inclusion.addSection(section);
}
