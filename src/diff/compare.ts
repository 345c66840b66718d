/**
 * What became of every section and symbol of the patched object: the same, changed or new. A section has changed when
 * its bytes have, or what its relocations refer to; the numbers that the compiler puts into names do not count.
 */
import type { EntrySizes } from '../arch/arch.js';
import { dereference, isIndirect, slotConstant } from '../arch/indirection.js';
import { diagnose } from '../diagnostics/catalogue.js';
import type { Diagnostic } from '../diagnostics/diagnostic.js';
import { SHF, SHT, STT } from '../elf/constants.js';
import { type ElfSection, ElfSymbol, type Relocation } from '../elf/object.js';
import { isLineNumberChange } from './line-numbers.js';
import { isMovedLineText } from './line-texts.js';
import {
  canonicalName,
  isAssemblerLabel,
  isCopiedWithContent,
  isSourcePosition,
  isStringPool,
  isUnnamedData,
} from './names.js';
import type { Correlation } from './pairing.js';
import type { PreparedObject } from './prepare.js';
import { targetOffset } from './section-references.js';
import {
  areReplacementsCompared,
  type EntryChange,
  functionsWithChangedEntries,
  isReplacementCode,
  type ReferenceComparison,
} from './table-changes.js';

export type Status = 'same' | 'changed' | 'new';

export interface Comparison {
  /** For the sections of the patched object. */
  readonly sections: Map<ElfSection, Status>;
  /** For the symbols of the patched object. */
  readonly symbols: Map<ElfSymbol, Status>;
  /** For sections of the patched object whose own bytes and references are the same: why they count as changed. */
  readonly entryChanges: Map<ElfSection, EntryChange>;
}

/** Sections whose entries are taken one by one later, whatever became of the whole (`special-tables.ts`). */
const rebuiltSections = new Set(['__mcount_loc', '__patchable_function_entries', '.modinfo', '.toc']);

export interface ComparisonInput {
  readonly original: PreparedObject;
  readonly patched: PreparedObject;
  readonly correlation: Correlation;
}

/**
 * @returns statuses, and what may not differ but does: `section-kind-changed`, `symbol-kind-changed`, `symbol-moved`,
 *   `data-size-changed`, `data-changed`; with `refused`, the parts of the patched object that these are about
 */
export function compareObjects(input: ComparisonInput, entrySizes: EntrySizes = {}) {
  const comparison: Comparison = { sections: new Map(), symbols: new Map(), entryChanges: new Map() };
  const refused = new Set<ElfSection | ElfSymbol>();
  const findings = [
    ...compareSections(input, entrySizes, comparison, refused),
    ...compareSymbols(input, comparison, refused),
  ];
  return { comparison, findings, refused };
}

/**
 * Lets what was refused count as the same: all other findings are looked for too, and none repeats what was said of it. To
 * be called when the comparison has been read by all that follow changes to their users.
 */
export function settleRefused({ sections, symbols }: Comparison, refused: ReadonlySet<ElfSection | ElfSymbol>): void {
  for (const part of refused) {
    if (part instanceof ElfSymbol) symbols.set(part, 'same');
    const section = part instanceof ElfSymbol ? part.section : part;
    if (section !== undefined) sections.set(section, 'same');
  }
}

function compareSections(
  input: ComparisonInput,
  entrySizes: EntrySizes,
  comparison: Comparison,
  refused: Set<ElfSection | ElfSymbol>,
): Diagnostic[] {
  const findings: Diagnostic[] = [];
  const content = new ContentComparison(input);
  for (const section of input.patched.object.sections) {
    const twin = input.correlation.sections.originalOf(section);
    if (twin === undefined) {
      comparison.sections.set(section, 'new');
      continue;
    }
    if (!isSameKind(twin, section)) {
      findings.push(diagnose('section-kind-changed', { section: section.name, of: namesOf(input.patched, section) }));
      refused.add(section);
    }
    const isSame = rebuiltSections.has(section.name) || content.isSectionSame(twin, section);
    comparison.sections.set(section, isSame ? 'same' : 'changed');
  }
  const isSame: ReferenceComparison = (...relocations) => content.isReferenceSame(...relocations);
  for (const [section, change] of functionsWithChangedEntries(input, entrySizes, isSame)) {
    // The code tells more where it differs too.
    if (comparison.sections.get(section) === 'same') comparison.entryChanges.set(section, change);
    comparison.sections.set(section, 'changed');
  }
  settleReplacements(input, entrySizes, comparison);
  return findings;
}

/** Code of alternatives belongs to the functions whose entries name it; what differs in it has become their change. */
function settleReplacements({ original, patched }: ComparisonInput, entrySizes: EntrySizes, { sections }: Comparison) {
  const replacements = patched.object.sections.filter((section) => isReplacementCode(section));
  if (!replacements.some((section) => sections.get(section) === 'changed')) return;
  const areCompared = [original, patched].every((side) => areReplacementsCompared(side, entrySizes));
  for (const section of areCompared ? replacements : []) sections.set(section, 'same');
}

/** The variables or functions of a section, else its own name. */
function namesOf({ ownSymbol, symbolsIn }: PreparedObject, section: ElfSection): string {
  const own = ownSymbol.get(section);
  const inside = own === undefined ? (symbolsIn.get(section) ?? []) : [own];
  const named = inside.filter(({ type }) => type === STT.FUNC || type === STT.OBJECT);
  return named.length === 0 ? section.name : named.map(({ name }) => name).join(', ');
}

/** Type and flags must agree: code that became data, or data that became read-only, is no change that can be made live. */
export function isSameKind(original: ElfSection, patched: ElfSection): boolean {
  return (
    original.type === patched.type &&
    original.flags === patched.flags &&
    original.entrySize === patched.entrySize &&
    (original.alignment === patched.alignment || (patched.flags & SHF.EXECINSTR) !== 0)
  );
}

const stringMark = 'string ';

/** Compares what two sections hold, following references into literals, which have no lasting name. */
export class ContentComparison {
  /** Unnamed data may refer to itself. */
  readonly #underWay = new Set<ElfSection>();

  constructor(readonly input: ComparisonInput) {}

  isSectionSame(original: ElfSection, patched: ElfSection): boolean {
    if (!this.#areRelocationsSame(original, patched)) return false;
    if (areBytesSame(original, patched)) return true;
    return isLineNumberChange(original, patched, this.input);
  }

  #areRelocationsSame(original: ElfSection, patched: ElfSection): boolean {
    if (original.relocations.length !== patched.relocations.length) return false;
    return original.relocations.every((relocation, index) => {
      const other = patched.relocations[index];
      if (other === undefined || relocation.offset !== other.offset) return false;
      return this.isReferenceSame(original, relocation, patched, other);
    });
  }

  /** The two relocations mean the same, wherever in their sections they stand. */
  isReferenceSame(
    originalSection: ElfSection,
    original: Relocation,
    patchedSection: ElfSection,
    patched: Relocation,
  ): boolean {
    if (original.type !== patched.type) return false;
    const { arch } = this.input.patched;
    if (isIndirect(arch, original) && isIndirect(arch, patched)) {
      const [from, to] = [dereference(arch, original), dereference(arch, patched)];
      // A slot without a relocation holds a constant.
      if (from === undefined || to === undefined)
        return from === to && slotConstant(original) === slotConstant(patched);
      if (this.#isTargetSame(originalSection, from, patchedSection, to)) return true;
      return this.#isMovedLineText([originalSection, original, from], [patchedSection, patched, to]);
    }
    if (this.#isTargetSame(originalSection, original, patchedSection, patched)) return true;
    return this.#isMovedLineText([originalSection, original, original], [patchedSection, patched, patched]);
  }

  /** What the relocations of two instructions mean in the end are strings that differ in their own line only. */
  #isMovedLineText(
    ...sides: readonly (readonly [section: ElfSection, instruction: Relocation, meant: Relocation])[]
  ): boolean {
    const { original, patched } = this.input;
    const [before, after] = sides.map(([section, { offset }, meant], index) => {
      const side = index === 0 ? original : patched;
      const place = this.#place(side, section, meant);
      return place?.startsWith(stringMark) ? { text: place, side, section, offset } : undefined;
    });
    return before !== undefined && after !== undefined && isMovedLineText(before, after);
  }

  #isTargetSame(
    originalSection: ElfSection,
    original: Relocation,
    patchedSection: ElfSection,
    patched: Relocation,
  ): boolean {
    const originalPlace = this.#place(this.input.original, originalSection, original);
    const patchedPlace = this.#place(this.input.patched, patchedSection, patched);
    const [originalTarget, patchedTarget] = [original.symbol.section, patched.symbol.section];
    if (originalTarget !== undefined && patchedTarget !== undefined) {
      // Code for `static_cpu_has` before the alternatives are applied; never runs in a module.
      if (originalTarget.name === '.altinstr_aux' && patchedTarget.name === '.altinstr_aux') return true;
      if (originalPlace !== undefined || patchedPlace !== undefined) return originalPlace === patchedPlace;
      if (isCopiedWithContent(original.symbol) && isCopiedWithContent(patched.symbol)) {
        const isSameName = nameOf(original.symbol) === nameOf(patched.symbol);
        return isSameName && original.addend === patched.addend && this.#isUnnamedSame(originalTarget, patchedTarget);
      }
      if (isUnnamedData(originalTarget) && isUnnamedData(patchedTarget)) {
        return original.addend === patched.addend && this.#isUnnamedSame(originalTarget, patchedTarget);
      }
    }
    return original.addend === patched.addend && this.#isSymbolSame(original.symbol, patched.symbol);
  }

  /**
   * The numbers in names do not count where twins were found without them, but a twin is a twin: `f.constprop.0` may have
   * become `f.constprop.1` because a new clone took its number, and a call of the one is then no call of the other.
   */
  #isSymbolSame(original: ElfSymbol, patched: ElfSymbol): boolean {
    const { symbols } = this.input.correlation;
    const twin = symbols.patchedOf(original);
    if (twin !== undefined || symbols.originalOf(patched) !== undefined) return twin === patched;
    return nameOf(original) === nameOf(patched);
  }

  /** A literal's bytes in place of its address, so that moving it in its pool changes nothing. */
  #place(prepared: PreparedObject, section: ElfSection, relocation: Relocation): string | undefined {
    const target = relocation.symbol.section;
    if (target === undefined) return undefined;
    const isLiteral = relocation.symbol.type === STT.SECTION || isAssemblerLabel(relocation.symbol.name);
    if (!isLiteral || (target.flags & SHF.MERGE) === 0) return undefined;
    const offset = targetOffset(prepared, section, relocation);
    if (offset === undefined || offset < 0 || offset >= target.content.length) return undefined;
    if ((target.flags & SHF.STRINGS) !== 0) return stringMark + stringAt(target, offset);
    // A constant of `.rodata.cst16` is named by its label or by the section.
    return target.entrySize > 0
      ? `constant ${Buffer.from(target.content.subarray(offset, offset + target.entrySize)).toString('hex')}`
      : undefined;
  }

  #isUnnamedSame(original: ElfSection, patched: ElfSection): boolean {
    if (isSourcePosition(original) && isSourcePosition(patched)) return true;
    if (original.size !== patched.size || original.flags !== patched.flags) return false;
    if (this.#underWay.has(patched)) return true;
    this.#underWay.add(patched);
    try {
      return areBytesSame(original, patched) && this.#areRelocationsSame(original, patched);
    } finally {
      this.#underWay.delete(patched);
    }
  }
}

function nameOf(symbol: ElfSymbol): string {
  return canonicalName(symbol.type === STT.SECTION ? (symbol.section?.name ?? '') : symbol.name);
}

function stringAt(section: ElfSection, offset: number): string {
  const end = section.content.indexOf(0, offset);
  return Buffer.from(section.content.subarray(offset, end < 0 ? undefined : end)).toString('latin1');
}

function areBytesSame(original: ElfSection, patched: ElfSection): boolean {
  if (original.size !== patched.size) return false;
  return patched.type === SHT.NOBITS || Buffer.compare(original.content, patched.content) === 0;
}

function compareSymbols(
  input: ComparisonInput,
  comparison: Comparison,
  refused: Set<ElfSection | ElfSymbol>,
): Diagnostic[] {
  const findings: Diagnostic[] = [];
  const { patched, correlation } = input;
  for (const symbol of patched.object.symbols) {
    const twin = correlation.symbols.originalOf(symbol);
    comparison.symbols.set(symbol, twin === undefined ? 'new' : 'same');
    const found = twin === undefined ? [] : compareSymbol(input, twin, symbol);
    if (found.length > 0) refused.add(symbol);
    findings.push(...found);
  }
  for (const [section, symbol] of patched.ownSymbol) {
    const status = comparison.sections.get(section);
    if (status !== undefined && comparison.symbols.get(symbol) === 'same') comparison.symbols.set(symbol, status);
  }
  for (const symbol of patched.ownSymbol.values()) {
    if (comparison.symbols.get(symbol) === 'same' && hasChangedPart(patched, comparison, symbol)) {
      comparison.symbols.set(symbol, 'changed');
    }
  }
  return findings;
}

function compareSymbol(input: ComparisonInput, original: ElfSymbol, patched: ElfSymbol): Diagnostic[] {
  if (original.type !== patched.type || original.bind !== patched.bind || isDefined(original) !== isDefined(patched)) {
    return [diagnose('symbol-kind-changed', { symbol: patched.name })];
  }
  const findings: Diagnostic[] = [];
  const [originalSection, patchedSection] = [original.section, patched.section];
  if (
    originalSection !== undefined &&
    patchedSection !== undefined &&
    input.correlation.sections.patchedOf(originalSection) !== patchedSection
  ) {
    findings.push(
      isSameVariable(originalSection, patchedSection)
        ? diagnose('data-changed', { section: patchedSection.name, variables: [patched.name] })
        : diagnose('symbol-moved', { symbol: patched.name, from: originalSection.name, to: patchedSection.name }),
    );
  }
  if (original.type === STT.OBJECT && isDefined(original) && original.size !== patched.size) {
    findings.push(
      diagnose('data-size-changed', {
        variable: patched.name,
        originalSize: original.size,
        patchedSize: patched.size,
      }),
    );
  }
  return findings;
}

/** A variable whose first value was zero and is another now, or the other way round: `.bss.level` and `.data.level`. */
function isSameVariable(original: ElfSection, patched: ElfSection): boolean {
  const variable = ({ name }: ElfSection) => /^\.(?:bss|data)\.(?!rel\b)(.+)$/.exec(name)?.[1];
  const name = variable(original);
  return name !== undefined && canonicalName(name) === canonicalName(variable(patched) ?? '');
}

function isDefined(symbol: ElfSymbol): boolean {
  return symbol.place !== 'undefined';
}

/**
 * `foo.cold` has no ftrace entry, so a change in it makes `foo` changed. `foo.part.0` often has one and is replaced by
 * itself.
 */
function hasChangedPart(patched: PreparedObject, comparison: Comparison, symbol: ElfSymbol, depth = 0): boolean {
  // GCC splits a part of a part at most; a crafted file may go in circles.
  if (depth > 8) return false;
  return (patched.childrenOf.get(symbol) ?? []).some((child) => {
    if (patched.arch.traceOffset(child) !== undefined) return false;
    const status = child.section && comparison.sections.get(child.section);
    return status === 'changed' || hasChangedPart(patched, comparison, child, depth + 1);
  });
}

/** Pools of strings are shipped whole whatever became of them; comparing their bytes would tell nothing. */
export function isAlwaysShipped(section: ElfSection): boolean {
  return section.name === '.rodata' || section.name === '.toc' || isStringPool(section);
}
