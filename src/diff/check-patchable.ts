/**
 * Says no, with reasons, to what a livepatch cannot do: change data that is in use, code that has already run, functions
 * that nothing can redirect. All findings are returned at once.
 */
import { diagnose } from '../diagnostics/catalogue.js';
import type { Diagnostic } from '../diagnostics/diagnostic.js';
import { SHT, STT } from '../elf/constants.js';
import type { ElfSection, ElfSymbol } from '../elf/object.js';
import { relocationsWithin } from '../elf/relocations-within.js';
import type { Obstacles } from './carry-along.js';
import { changedWithin, isOnlyReordered } from './changed-within.js';
import { checkIncluded, isRuntimeConstantTable, placeOf } from './check-included.js';
import type { Comparison } from './compare.js';
import { inferStride } from './entry-stride.js';
import { checkExports } from './exports.js';
import type { Inclusion } from './include.js';
import {
  canonicalName,
  isExportSection,
  isInitcallSection,
  isInitSection,
  isLiteralPool,
  isQuirkSection,
} from './names.js';
import type { Correlation } from './pairing.js';
import { ownerName, type PreparedObject } from './prepare.js';
import type { RebuiltTables } from './special-tables.js';
import { changedPointers, readersOf } from './table-readers.js';
import { isUntracedSection, whyUntraced } from './untraced.js';

export interface PatchabilityInput {
  readonly original: PreparedObject;
  readonly patched: PreparedObject;
  readonly correlation: Correlation;
  readonly comparison: Comparison;
  readonly inclusion: Inclusion;
  readonly tables: RebuiltTables['tables'];
  /** Why a function without ftrace entry cannot be brought along by its callers. */
  readonly obstacles: Obstacles;
}

/**
 * @returns `function-not-traceable`, `sibling-call`, `init-changed`, `quirk-changed`, `data-changed`, `data-shared`,
 *   `section-changed`, `group-changed`, and the findings of `checkExports` and `checkIncluded`
 */
export function checkPatchable(input: PatchabilityInput): Diagnostic[] {
  return [
    ...checkTraceable(input),
    ...checkSiblingCalls(input),
    ...checkExports(input.original.object, input.patched.object),
    ...checkSections(input),
    ...checkIncluded(input),
  ];
}

/** Only the original's entry counts: that is where ftrace would redirect. */
function checkTraceable({
  original: before,
  patched,
  correlation,
  comparison,
  obstacles,
}: PatchabilityInput): Diagnostic[] {
  const findings: Diagnostic[] = [];
  for (const symbol of patched.object.symbols) {
    if (symbol.type !== STT.FUNC || comparison.symbols.get(symbol) !== 'changed') continue;
    const parent = patched.parentOf.get(symbol);
    if (parent !== undefined && comparison.symbols.get(parent) === 'changed') continue;
    const original = correlation.symbols.originalOf(symbol);
    if (original !== undefined && patched.arch.traceOffset(original) === undefined) {
      const section = original.section?.name ?? '';
      findings.push(
        diagnose('function-not-traceable', {
          functionName: symbol.name,
          section,
          reason: whyUntraced(original, before),
          obstacles: obstacles.get(symbol) ?? [],
        }),
      );
    }
  }
  return findings;
}

/** On ppc64le a jump out of a patched function would leave the livepatch's `.toc` pointer to its caller. */
function checkSiblingCalls({ patched, comparison }: PatchabilityInput): Diagnostic[] {
  return patched.object.symbols
    .filter((symbol) => symbol.type === STT.FUNC && comparison.symbols.get(symbol) === 'changed')
    .flatMap((symbol) =>
      patched.arch
        .siblingCalls(symbol)
        .map((offset) => diagnose('sibling-call', { functionName: symbol.name, offset })),
    );
}

/** What to say of a changed section that stays behind. The first that fits speaks. */
const changedSectionRules: readonly {
  readonly matches: (section: ElfSection, input: PatchabilityInput) => boolean;
  readonly say: (section: ElfSection, input: PatchabilityInput) => Diagnostic;
}[] = [
  {
    matches: isInitcallSection,
    say: (section, input) =>
      diagnose('init-changed', { section: section.name, functions: changedEntries(section, input) }),
  },
  {
    matches: isInitSection,
    say: (section, input) =>
      diagnose('init-changed', { section: section.name, functions: changedWithin(section, input) }),
  },
  {
    matches: isQuirkSection,
    say: (section, input) =>
      diagnose('quirk-changed', { section: section.name, functions: changedEntries(section, input) }),
  },
  {
    matches: (section, input) => input.patched.ownSymbol.get(section)?.type === STT.OBJECT || isPlainData(section),
    say: sayDataChanged,
  },
  {
    matches: isUntracedSection,
    say: (section, input) => {
      const [functionName = section.name] = [changedSymbols(section, input).join(', ')].filter((names) => names !== '');
      return diagnose('function-not-traceable', { functionName, section: section.name, reason: 'section' });
    },
  },
  {
    matches: () => true,
    say: (section, input) =>
      diagnose('section-changed', { section: section.name, symbols: changedSymbols(section, input) }),
  },
];

function sayDataChanged(section: ElfSection, input: PatchabilityInput): Diagnostic {
  const functions = changedPointers(section, input);
  const readers = functions.length === 0 ? [] : readersOf(section, input.patched);
  return diagnose('data-changed', {
    section: section.name,
    variables: variablesOf(section, input),
    functions,
    readers,
  });
}

/** Sections whose own bytes tell nothing: their references, or their entries, are compared one by one. */
function isSeenElsewhere(section: ElfSection): boolean {
  return isExportSection(section) || isRuntimeConstantTable(section) || isLiteralPool(section);
}

function isPlainData(section: ElfSection): boolean {
  return /^\.(data|bss|rodata)\b/.test(section.name);
}

/** Flags of WARN_ONCE and its like; a copy of them warns once more and hurts nobody. */
const copyableData = new Set(['.data.unlikely', '.data.once', '.data..once', '.data..unlikely']);

function checkSections(input: PatchabilityInput): Diagnostic[] {
  const { patched, comparison, inclusion, tables } = input;
  const grouped = new Set(patched.object.sections.flatMap((section) => section.group?.members ?? []));
  const findings: Diagnostic[] = [];
  for (const section of patched.object.sections) {
    const status = comparison.sections.get(section);
    const isIncluded = inclusion.sections.has(section);
    const isLeftBehind = status === 'changed' && !isIncluded && !tables.has(section) && !isSeenElsewhere(section);
    // Init functions share a section, and a change elsewhere may turn their order round.
    const isHarmless = isInitSection(section) && isOnlyReordered(section, input);
    // A call that the patch adds to the boot would never be made.
    if ((isLeftBehind && !isHarmless) || (status === 'new' && isInitcallSection(section))) {
      const rule = changedSectionRules.find(({ matches }) => matches(section, input));
      if (rule !== undefined) findings.push(rule.say(section, input));
    }
    if (status !== 'same' && grouped.has(section)) {
      findings.push(diagnose('group-changed', { section: ownerName(patched, section) }));
    }
    // Else its members have been named.
    const isNewGroup = section.type === SHT.GROUP && status === 'new';
    if (isNewGroup && section.group?.members.every((member) => comparison.sections.get(member) === 'same') !== false) {
      findings.push(diagnose('group-changed', { section: section.group?.signature.name ?? section.name }));
    }
    if (isIncluded && status !== 'new' && /^\.(data|bss)/.test(section.name) && !copyableData.has(section.name)) {
      findings.push(
        status === 'changed'
          ? diagnose('data-changed', { section: section.name, variables: variablesOf(section, input) })
          : diagnose('data-shared', {
              section: section.name,
              variables: namesIn(section, patched),
              places: namelessUses(section, input),
            }),
      );
    }
  }
  return findings;
}

/** Where included code refers to the section rather than to a variable in it. */
function namelessUses(section: ElfSection, { patched, inclusion, comparison }: PatchabilityInput) {
  return [...inclusion.sections].flatMap((user) =>
    user.relocations
      .filter(
        ({ symbol }) =>
          symbol.section === section && (symbol.type === STT.SECTION || comparison.symbols.get(symbol) !== 'same'),
      )
      .map(({ offset }) => {
        const place = placeOf(patched, user, offset);
        return { functionName: place.owner, offset: place.offset };
      }),
  );
}

/** The variable that the section was made for, or those of a shared section that differ. */
function variablesOf(section: ElfSection, input: PatchabilityInput): string[] {
  const { patched } = input;
  const changed = patched.ownSymbol.has(section) ? [] : changedSymbols(section, input);
  return changed.length > 0 ? changed : [ownerName(patched, section)];
}

function namesIn(section: ElfSection, patched: PreparedObject): string[] {
  return (patched.symbolsIn.get(section) ?? []).map(({ name }) => name).filter((name) => name !== '');
}

/** The functions or variables of a shared section (`.init.text`) that differ from their original, by name. */
function changedSymbols(section: ElfSection, input: PatchabilityInput): string[] {
  // `init_module` is another name for the module's own init function; the first one is the author's.
  const changed = new Map<number, string>();
  for (const symbol of input.patched.symbolsIn.get(section) ?? []) {
    if (symbol.type !== STT.FUNC && symbol.type !== STT.OBJECT) continue;
    const original = input.correlation.symbols.originalOf(symbol);
    if (changed.has(symbol.value)) continue;
    if (original === undefined || !isAlike(original, symbol)) changed.set(symbol.value, symbol.name);
  }
  return [...changed.values()];
}

/** The functions that the entries of one side name and those of the other do not, or not in this way. */
function changedEntries(section: ElfSection, { correlation }: PatchabilityInput): string[] {
  const original = correlation.sections.originalOf(section);
  const [before, after] = [original === undefined ? new Map() : entriesOf(original), entriesOf(section)];
  const differing = [...before, ...after].filter(([entry]) => before.has(entry) !== after.has(entry));
  return [...new Set(differing.flatMap(([, functions]) => functions as string[]))];
}

/** By bytes and references; the whole table is one entry where its stride does not show. */
function entriesOf(section: ElfSection): Map<string, string[]> {
  const size = inferStride(section)?.entrySize ?? section.content.length;
  const entries = new Map<string, string[]>();
  for (let start = 0; start < section.content.length; start += size) {
    const inside = relocationsWithin(section, start, start + size);
    const bytes = Buffer.from(section.content.subarray(start, start + size)).toString('hex');
    const references = inside.map(({ offset, symbol, addend }) => `${offset - start} ${symbol.name} ${addend}`);
    const functions = inside.filter(({ symbol }) => symbol.type === STT.FUNC).map(({ symbol }) => symbol.name);
    entries.set([bytes, ...references].join(' '), functions);
  }
  return entries;
}

function isAlike(original: ElfSymbol, patched: ElfSymbol): boolean {
  const [from, to] = [original.section, patched.section];
  if (from === undefined || to === undefined) return from === to;
  if (original.size !== patched.size) return false;
  const [originalBytes, patchedBytes] = [bytesOf(original, from), bytesOf(patched, to)];
  return Buffer.compare(originalBytes, patchedBytes) === 0 && refersAlike(original, from, patched, to);
}

function bytesOf(symbol: ElfSymbol, section: ElfSection): Uint8Array {
  return section.content.subarray(symbol.value, symbol.value + symbol.size);
}

/** The same references at the same places, counted from the symbol's start. */
function refersAlike(original: ElfSymbol, from: ElfSection, patched: ElfSymbol, to: ElfSection): boolean {
  return referencesOf(original, from) === referencesOf(patched, to);
}

function referencesOf({ value, size }: ElfSymbol, section: ElfSection): string {
  return relocationsWithin(section, value, value + size)
    .map(({ offset, type, symbol }) => `${offset - value} ${type} ${canonicalName(symbol.name)}`)
    .join('\n');
}
