/**
 * Why a function changed: the first instruction that shows it, and what kind of change that is. Made for the author of
 * the patch, who wants to know why a function that was not edited is in the livepatch.
 */
import { dereference } from '../arch/indirection.js';
import { SHF, STB, STT } from '../elf/constants.js';
import type { ElfSymbol, Relocation } from '../elf/object.js';
import { relocationsWithin } from '../elf/relocations-within.js';
import { type Comparison, ContentComparison } from './compare.js';
import { CodeComparison, type CodePair, type CodeSide, type Difference } from './first-difference.js';
import { isLineNumberChange } from './line-numbers.js';
import { canonicalName, cloneRoot } from './names.js';
import type { Correlation } from './pairing.js';
import type { PreparedObject } from './prepare.js';
import { referenceText } from './reference-text.js';
import { tableEntryReason } from './table-entry-reason.js';

/** In the order in which they are tried; what is said first is said most exactly. */
export type ReasonKind =
  /** Only line numbers moved: the function counts as unchanged. */
  | 'line number'
  /** Only a part that the compiler split off differs, `foo.cold`. */
  | 'part changed'
  /** It calls another clone of the same function: `helper.isra.0` for `helper`. */
  | 'clone renamed'
  /** It holds the body of a function that it called; often that one is gone. */
  | 'inlined callee'
  /** It calls a function whose body it held; often a new local one. */
  | 'un-inlined callee'
  /** All bytes are the same; a relocation names another function or an undefined symbol. */
  | 'relocation target'
  /** All bytes are the same; a relocation names other data, or data or a string that changed. */
  | 'data reference'
  /** The code is the same; an entry that a table beside it holds for it is another: `__bug_table`, `__jump_table`. */
  | 'table entry'
  /** One side begins with the whole of the other. */
  | 'size'
  /** It moved between `.text.f` and `.text.unlikely.f`, where it is compiled for size. */
  | 'moved section'
  /** None of these: its own source is what differs. */
  | 'edited';

export interface ChangeReason {
  readonly kind: ReasonKind;
  /** The callee, the clones or the sections that it is about: `helper`, `helper -> helper.isra.0`. */
  readonly about: string | undefined;
  /** The function that the instructions belong to: the one that changed, or the part that was split off from it. */
  readonly where: string;
  /** Of the first telling instruction, in bytes from the start of `where` as the target has it. */
  readonly offset: number | undefined;
  /** That instruction; `undefined` where the function ends before it. */
  readonly original: string | undefined;
  readonly patched: string | undefined;
}

export interface ExplainInput {
  readonly original: PreparedObject;
  readonly patched: PreparedObject;
  readonly correlation: Correlation;
  readonly comparison: Comparison;
  /** Symbols of the patched object. */
  readonly changedFunctions: readonly ElfSymbol[];
  /** Tell of functions in which only line numbers moved; costs a look at every function. */
  readonly toldLines?: boolean;
}

/**
 * A reason for each changed function, and `line number` for each that is taken for unchanged because of it. Reads the
 * two objects as they are after the comparison, before the output is made of them.
 */
export function explainChanges(input: ExplainInput): Map<ElfSymbol, ChangeReason> {
  const reasons = new Map<ElfSymbol, ChangeReason>();
  const content = new ContentComparison(input);
  const compareCode = (pair: CodePair) =>
    new CodeComparison(pair, (...relocations) => content.isReferenceSame(...relocations));
  for (const symbol of input.changedFunctions) reasons.set(symbol, explainChange(input, symbol, compareCode));
  for (const pair of input.toldLines === false ? [] : movedLines(input)) {
    reasons.set(pair.patched.symbol, reasonAt('line number', undefined, compareCode(pair)));
  }
  return reasons;
}

type CompareCode = (pair: CodePair) => CodeComparison;

function explainChange(input: ExplainInput, symbol: ElfSymbol, compareCode: CompareCode): ChangeReason {
  const pair = pairOf(input, symbol);
  const entry = symbol.section && input.comparison.entryChanges.get(symbol.section);
  if (entry !== undefined) return tableEntryReason(input, symbol, entry);
  if (pair !== undefined && input.comparison.sections.get(pair.patched.section) !== 'same') {
    const code = compareCode(pair);
    for (const rule of rules) {
      const found = rule(code, input);
      if (found !== undefined) return reasonAt(found.kind, found.about, code);
    }
    return reasonAt('edited', undefined, code);
  }
  const part = changedPart(input, symbol);
  if (part !== undefined) return reasonAt('part changed', part.patched.symbol.name, compareCode(part));
  const nothing = { about: undefined, offset: undefined, original: undefined, patched: undefined };
  return { kind: 'edited', where: symbol.name, ...nothing };
}

function reasonAt(kind: ReasonKind, about: string | undefined, code: CodeComparison): ChangeReason {
  const { original, patched } = code.pair;
  const where = patched.symbol.name;
  const difference = code.telling();
  if (difference === undefined) {
    return { kind, about, where, offset: undefined, original: undefined, patched: undefined };
  }
  const offset =
    difference.original === undefined
      ? original.section.size - original.symbol.value
      : difference.original.offset - original.symbol.value;
  return {
    kind,
    about,
    where,
    offset,
    original: code.text('original', difference),
    patched: code.text('patched', difference),
  };
}

/** The function on both sides, where it has a section of its own on both. */
function pairOf({ original, patched, correlation }: ExplainInput, symbol: ElfSymbol): CodePair | undefined {
  const section = symbol.section;
  const twin = section && correlation.sections.originalOf(section);
  const twinSymbol = twin && (correlation.symbols.originalOf(symbol) ?? original.ownSymbol.get(twin));
  if (section === undefined || twin === undefined || twinSymbol === undefined) return undefined;
  return {
    original: { prepared: original, symbol: twinSymbol, section: twin },
    patched: { prepared: patched, symbol, section },
  };
}

function changedPart(input: ExplainInput, symbol: ElfSymbol, depth = 0): CodePair | undefined {
  // As deep as the comparison looks; a crafted file may go in circles.
  if (depth > 8) return undefined;
  for (const child of input.patched.childrenOf.get(symbol) ?? []) {
    const isChanged = child.section !== undefined && input.comparison.sections.get(child.section) === 'changed';
    const found = (isChanged ? pairOf(input, child) : undefined) ?? changedPart(input, child, depth + 1);
    if (found !== undefined) return found;
  }
  return undefined;
}

function* movedLines(input: ExplainInput): Generator<CodePair> {
  for (const [section, symbol] of input.patched.ownSymbol) {
    if (symbol.type !== STT.FUNC || input.comparison.sections.get(section) !== 'same') continue;
    const pair = pairOf(input, symbol);
    if (pair === undefined || Buffer.compare(pair.original.section.content, section.content) === 0) continue;
    if (isLineNumberChange(pair.original.section, section, input)) yield pair;
  }
}

interface Found {
  readonly kind: ReasonKind;
  readonly about: string | undefined;
}

type Rule = (code: CodeComparison, input: ExplainInput) => Found | undefined;

/** Tried in this order; what remains was edited. */
const rules: readonly Rule[] = [cloneRenamed, calleeInlined, calleeUnInlined, onlyReferences, onlySize, movedSection];

/** Level 1. A caller of `helper` calls `helper.isra.0`, since another change let GCC drop a parameter of it. */
function cloneRenamed({ pair }: CodeComparison, { correlation }: ExplainInput): Found | undefined {
  const { vanished, appeared } = calleeChanges(pair, correlation);
  for (const before of vanished) {
    const after = appeared.find(({ name }) => cloneRoot(name) === cloneRoot(before.name));
    if (after !== undefined) return { kind: 'clone renamed', about: `${before.name} -> ${after.name}` };
  }
  return undefined;
}

/** Level 2. `helper` lost its second caller, so GCC puts it into `show` and leaves no body of its own. */
function calleeInlined({ pair }: CodeComparison, { original, correlation }: ExplainInput): Found | undefined {
  const { vanished } = calleeChanges(pair, correlation);
  const callee = vanished.find((symbol) => {
    const isGone = symbol.bind === STB.LOCAL && correlation.symbols.patchedOf(symbol) === undefined;
    return isBodyIn(sideOf(original, symbol), pair.patched, pair.original, isGone);
  });
  return callee && { kind: 'inlined callee', about: callee.name };
}

/** Level 3. The opposite: `helper` grew, or got a second caller, and is now called. */
function calleeUnInlined({ pair }: CodeComparison, { patched, correlation }: ExplainInput): Found | undefined {
  const { appeared } = calleeChanges(pair, correlation);
  const callee = appeared.find((symbol) => {
    const isNew = symbol.bind === STB.LOCAL && correlation.symbols.originalOf(symbol) === undefined;
    return isBodyIn(sideOf(patched, symbol), pair.original, pair.patched, isNew);
  });
  return callee && { kind: 'un-inlined callee', about: callee.name };
}

/** Level 4. `pr_info("on\n")` became `pr_info("off\n")`; a call goes to another function. */
function onlyReferences(code: CodeComparison): Found | undefined {
  let first: Difference['references'];
  for (const difference of code.differences()) {
    if (code.isMovedLine(difference)) continue;
    if (difference.references === undefined) return undefined;
    first ??= difference.references;
  }
  if (first === undefined) return undefined;
  const { original, patched } = code.pair;
  const isData = namesData(original, first.original) || namesData(patched, first.patched);
  return { kind: isData ? 'data reference' : 'relocation target', about: undefined };
}

/** Level 5. Code was added behind the end, or cut off there. */
function onlySize(code: CodeComparison): Found | undefined {
  const [first] = code.differences();
  const isEnd = first !== undefined && (first.original === undefined || first.patched === undefined);
  return isEnd ? { kind: 'size', about: undefined } : undefined;
}

/**
 * Level 6. GCC now finds the function cold, since all its callers are, and compiles it for size. One that was edited so
 * that it is cold refers to something else as well, say to the text of a warning.
 */
function movedSection({ pair: { original, patched } }: CodeComparison): Found | undefined {
  const [from, to] = [original.section.name, patched.section.name];
  if (canonicalName(from) === canonicalName(to)) return undefined;
  const [before, after] = [referencesOf(original), referencesOf(patched)];
  if (before.size !== after.size || [...after].some((reference) => !before.has(reference))) return undefined;
  return { kind: 'moved section', about: `${from} -> ${to}` };
}

/** Functions of the object that one side refers to and the other does not; its own parts are no callees. */
function calleeChanges({ original, patched }: CodePair, { symbols }: Correlation) {
  const before = calleesOf(original);
  const after = calleesOf(patched);
  return {
    vanished: [...before].filter((symbol) => !hasTwinIn(after, symbols.patchedOf(symbol))),
    appeared: [...after].filter((symbol) => !hasTwinIn(before, symbols.originalOf(symbol))),
  };
}

function hasTwinIn(symbols: ReadonlySet<ElfSymbol>, twin: ElfSymbol | undefined): boolean {
  return twin !== undefined && symbols.has(twin);
}

function calleesOf(side: CodeSide): Set<ElfSymbol> {
  const callees = new Set<ElfSymbol>();
  for (const relocation of relocationsOf(side)) {
    const symbol = dereference(side.prepared.arch, relocation)?.symbol;
    if (symbol === undefined || symbol.type !== STT.FUNC || symbol.section === undefined) continue;
    if (symbol === side.symbol || side.prepared.parentOf.get(symbol) === side.symbol) continue;
    callees.add(symbol);
  }
  return callees;
}

function sideOf(prepared: PreparedObject, symbol: ElfSymbol): CodeSide | undefined {
  return symbol.section && { prepared, symbol, section: symbol.section };
}

function relocationsOf({ section, symbol: { value, size } }: CodeSide): readonly Relocation[] {
  return relocationsWithin(section, value, value + size);
}

/**
 * Tells an inlined callee from one whose call was deleted: what the body refers to, and the calling side does not, is
 * found in the side that holds it (half of it, since inlined code is simplified). A body that refers to nothing of its
 * own shows in the size alone, which is enough only where the body is on one side and nowhere on the other.
 */
function isBodyIn(body: CodeSide | undefined, holding: CodeSide, calling: CodeSide, isOnOneSide: boolean): boolean {
  if (body === undefined) return false;
  const [held, known] = [referencesOf(holding), referencesOf(calling)];
  const own = [...referencesOf(body)].filter((reference) => !known.has(reference));
  if (own.length === 0) return isOnOneSide && holding.section.size > calling.section.size;
  return own.filter((reference) => held.has(reference)).length * 2 >= own.length;
}

function referencesOf(side: CodeSide): Set<string> {
  const texts = relocationsOf(side).map((relocation) => referenceText(side.prepared, side.section, relocation));
  return new Set(texts.map(canonicalName));
}

/** A variable, a constant or a string of the object; of an undefined symbol nobody knows. */
function namesData({ prepared }: CodeSide, relocation: Relocation | undefined): boolean {
  if (relocation === undefined) return false;
  const meant = dereference(prepared.arch, relocation);
  // A constant in the table of addresses.
  if (meant === undefined) return true;
  const { symbol } = meant;
  return symbol.section !== undefined && (symbol.section.flags & SHF.EXECINSTR) === 0;
}
