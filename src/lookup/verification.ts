/**
 * Was the target built from this source, with this compiler and configuration? Answered for one object of the build, by
 * comparing it with what the target has of it: function by function, and data by name and size. `verdict.ts` says what
 * the differences of all objects of a module mean.
 */
import type { Arch } from '../arch/arch.js';
import { STB, STT } from '../elf/constants.js';
import type { ElfObject, ElfSymbol } from '../elf/object.js';
import { relocationsWithin } from '../elf/relocations-within.js';
import { CodeIndex } from './code-index.js';
import { compareCode } from './compare-code.js';
import { isLeftOut } from './discarded-sections.js';
import { isCompanion, isDrifting, type NameRules } from './drifting-names.js';
import { type InstrumentCounts, Instruments } from './instruments.js';
import type { Lookup } from './lookup.js';
import type { TargetCode } from './target-code.js';

/** A function or datum of the object that the target has not, or has otherwise. */
export interface Difference {
  /** As the object has it. */
  readonly name: string;
  /** As the target has it; `undefined` where it has none. */
  readonly targetName: string | undefined;
  readonly kind: 'function' | 'data';
  /** Functions that it refers to in the object; the target may have them inlined instead. */
  readonly callees: readonly string[];
  /** For a person: `cm_send: 212 bytes here, 198 in the target, first difference at cm_send+0x14`. */
  readonly text: string;
}

export interface ObjectVerification {
  /** Path in the tree: `core/cm.o`. */
  readonly object: string;
  /** Functions with code of their own, and how many of them the target has just so. */
  readonly functions: number;
  readonly identical: number;
  readonly differences: readonly Difference[];
  /** Weak functions in whose place the target has another object's: `arch_report_meminfo` of fs/proc/meminfo.o. Not counted. */
  readonly overridden: readonly Difference[];
  /** Symbols that the target lacks and nobody will miss: what the link discards, and names with a number of their own. */
  readonly meaningless: readonly string[];
  readonly instruments: InstrumentCounts;
}

export interface VerificationInput {
  readonly object: string;
  /** As built from the unpatched source; it is only read. */
  readonly original: ElfObject;
  readonly target: TargetCode;
  /** For this object and this target. */
  readonly lookup: Lookup;
  readonly arch: Arch;
}

/**
 * Compares names, types and sizes, and of functions the bytes and references too (`compareCode`). The twin of a function is
 * what the lookup answers; where it does not decide between namesakes, each of them may be the twin. Throws nothing.
 */
export function verifyObject({ object, original, target, lookup, arch }: VerificationInput): ObjectVerification {
  const index = new CodeIndex(original, target.names);
  const instruments = new Instruments();
  const differences: Difference[] = [];
  const overridden: Difference[] = [];
  const meaningless: string[] = [];
  let [functions, identical] = [0, 0];
  for (const symbol of original.symbols) {
    if (symbol.section === undefined || symbol.name === '') continue;
    if (symbol.type === STT.FUNC && symbol.size > 0 && !isLeftOut(symbol.section) && !isPrefix(symbol)) {
      const twins = twinsOf(symbol, target, lookup);
      const difference = compareFunction(symbol, { index, twins, target, arch });
      const [twin] = twins;
      if (difference !== undefined && symbol.bind === STB.WEAK && twin !== undefined) {
        overridden.push(difference);
        continue;
      }
      functions += 1;
      if (difference === undefined) identical += 1;
      else differences.push(difference);
      if (twin !== undefined && target.hasRelocations) instruments.count(symbol, twin);
    } else if (symbol.type === STT.OBJECT) {
      const difference = compareDatum(symbol, target);
      if (difference === undefined) continue;
      if (isLeftOut(symbol.section) || isThrowaway(symbol.name, target.names)) meaningless.push(symbol.name);
      else differences.push(difference);
    }
  }
  return { object, functions, identical, differences, overridden, meaningless, instruments: instruments.counts() };
}

/** objtool names the padding in front of a function; where it does that to whole modules, single objects have no such names. */
function isPrefix({ name }: ElfSymbol): boolean {
  return isCompanion(name);
}

/** What `__UNIQUE_ID()` and printk's index leave behind, which nobody refers to by name. */
function isThrowaway(name: string, names: NameRules): boolean {
  return isCompanion(name, names) || /^(?:__UNIQUE_ID_|_entry(?:_ptr)?\.\d+$|__already_done\.|__func__\.)/.test(name);
}

function twinsOf(symbol: ElfSymbol, target: TargetCode, lookup: Lookup): ElfSymbol[] {
  const { name, type, bind } = symbol;
  const answer = bind === STB.LOCAL ? lookup.local(name, type) : lookup.global(name);
  if (answer.kind === 'found') {
    return answer.symbol.object === lookup.objectName ? target.found(answer.symbol, symbol) : [];
  }
  const isStatic = bind === STB.LOCAL;
  const exact = target.named(name, symbol).filter((candidate) => (candidate.bind === STB.LOCAL) === isStatic);
  return exact.length > 0 || !isDrifting(name, target.names) ? exact : target.kinOf(name, symbol);
}

interface FunctionScene {
  readonly index: CodeIndex;
  readonly twins: readonly ElfSymbol[];
  readonly target: TargetCode;
  readonly arch: Arch;
}

function compareFunction(symbol: ElfSymbol, { index, twins, target, arch }: FunctionScene): Difference | undefined {
  const [first] = twins;
  const { name } = symbol;
  if (first === undefined) {
    return { name, targetName: undefined, kind: 'function', callees: [], text: `${name}: not in the target` };
  }
  const comparisons = twins.map((twin) => compareCode({ index, symbol }, { index: target, symbol: twin }, arch));
  const [comparison] = comparisons;
  if (comparison === undefined || comparisons.some(({ kind }) => kind === 'identical')) return undefined;
  const place = comparison.kind === 'differs' ? `first difference at ${name}+0x${comparison.offset.toString(16)}` : '';
  const sizes = symbol.size === first.size ? '' : `${sizesOf(symbol, first)}, `;
  const callees = functionsReferredTo(symbol, index);
  return { name, targetName: first.name, kind: 'function', callees, text: `${name}: ${sizes}${place}` };
}

/** Calls and pointers alike. With a section per function, what is meant is the one function of the section. */
function functionsReferredTo({ section, value, size }: ElfSymbol, index: CodeIndex): string[] {
  if (section === undefined) return [];
  const names = relocationsWithin(section, value, value + size).flatMap(({ symbol }) => {
    if (symbol.type === STT.FUNC) return [symbol.name];
    return symbol.section === undefined ? [] : index.functionsIn(symbol.section).map((one) => one.name);
  });
  return [...new Set(names)];
}

/** Several static locals of one name change numbers between builds, so that one of the right size is enough. */
function compareDatum(symbol: ElfSymbol, target: TargetCode): Difference | undefined {
  const { name } = symbol;
  const twins = isDrifting(name, target.names) ? target.kinOf(name, symbol) : target.named(name, symbol);
  const [first] = twins;
  if (twins.some(({ size }) => size === symbol.size)) return undefined;
  const text = first === undefined ? 'not in the target' : sizesOf(symbol, first);
  return { name, targetName: first?.name, kind: 'data', callees: [], text: `${name}: ${text}` };
}

function sizesOf(ours: ElfSymbol, theirs: ElfSymbol): string {
  return `${ours.size} bytes here, ${theirs.size} in the target`;
}
