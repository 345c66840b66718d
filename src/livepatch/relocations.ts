/**
 * Which references of a diffed object ordinary module loading resolves, and which only the livepatch loader can: it
 * finds symbols that are not exported, and waits for modules that are not loaded yet.
 */
import { dereference } from '../arch/indirection.js';
import type { ObjectDiff } from '../diff/diff-objects.js';
import { STB, STT } from '../elf/constants.js';
import type { ElfSection, ElfSymbol, Relocation } from '../elf/object.js';
import type { Lookup, LookupAnswer } from '../lookup/lookup.js';
import type { KlpRelocation } from './livepatch.js';
import { ask, type OpenQuestion } from './questions.js';

export interface RelocationSplit {
  readonly relocations: readonly KlpRelocation[];
  readonly open: readonly OpenQuestion[];
  /** References from tables that the kernel reads while it loads the livepatch, before a module's symbols are known. */
  readonly tooLate: readonly { readonly section: ElfSection; readonly symbol: ElfSymbol }[];
}

type Found = Extract<LookupAnswer, { kind: 'found' }>;

/**
 * Takes the references that need the livepatch loader out of the object's relocation tables, and the symbols that only
 * they used out of its symbol table. `isImported` names the modules whose exports the livepatch imports in the ordinary
 * way; without it, only those of vmlinux are.
 */
export function splitRelocations(
  diff: ObjectDiff,
  lookup: Lookup,
  isImported: (module: string) => boolean = () => false,
): RelocationSplit {
  const relocations: KlpRelocation[] = [];
  const open: OpenQuestion[] = [];
  const tooLate: { section: ElfSection; symbol: ElfSymbol }[] = [];
  const answers = new Map<ElfSymbol, LookupAnswer>();
  const answerFor = (symbol: ElfSymbol) => {
    const known = answers.get(symbol) ?? ask(lookup, symbol);
    answers.set(symbol, known);
    return known;
  };
  const pointers = pointersToReplaced(diff);
  for (const section of diff.object.sections) {
    section.relocations = section.relocations.filter((relocation) => {
      if (!mayNeedLoader(relocation, section, diff, pointers)) return true;
      const { symbol } = relocation;
      const answer = answerFor(symbol);
      if (answer.kind !== 'found') {
        // A global symbol that the target does not have may be a new one of another object of this livepatch.
        const isElsewhere = answer.kind === 'missing' && symbol.bind !== STB.LOCAL;
        if (!isElsewhere) open.push({ symbol: symbol.name, answer });
        return true;
      }
      if (symbol.section === undefined && !needsLoader(symbol, answer, diff, isImported)) return true;
      if (loadedWith(answer, lookup) !== 'vmlinux' && diff.tableSections.has(section))
        tooLate.push({ section, symbol });
      relocations.push(klpRelocation(section, relocation, answer, loadedWith(answer, lookup)));
      return false;
    });
  }
  dropUnused(diff, answers);
  return { relocations, open, tooLate };
}

/** References to what the livepatch does not bring along, and pointers to functions that it replaces. */
function mayNeedLoader(
  relocation: Relocation,
  section: ElfSection,
  { arch }: ObjectDiff,
  pointers: ReadonlySet<Relocation>,
): boolean {
  const { symbol } = relocation;
  if (arch.isLoaderOwn(relocation, section)) return false;
  if (symbol.place === 'undefined') return symbol.name !== '';
  return pointers.has(relocation);
}

/**
 * The address of a replaced function may be stored and called when the livepatch is long gone; it must be that of the
 * original, which ftrace redirects for as long as the livepatch is there. A function with a dot in its name (nested, or
 * a clone) is not called through stored pointers, and its name may not be the target's. Where the CPU would not let an
 * indirect call land on the original, the pointer means the new function, as that to an added one does.
 */
function pointersToReplaced({ arch, object, statuses, splitFunctions, newlyCallable }: ObjectDiff): Set<Relocation> {
  const pointers = new Set<Relocation>();
  for (const section of object.sections) {
    for (const relocation of section.relocations) {
      if (!arch.storesAddress(relocation, section)) continue;
      const meant = dereference(arch, relocation);
      if (meant?.symbol.section === undefined) continue;
      const { symbol, addend } = meant;
      const bias = meant === relocation ? arch.targetBias(section, relocation) : 0;
      const isStart = addend + (bias ?? 0) === 0;
      const isFunction =
        symbol.type === STT.FUNC && isStart && !splitFunctions.has(symbol) && !newlyCallable.has(symbol);
      if (isFunction && statuses.get(symbol) !== 'new' && !symbol.name.includes('.')) pointers.add(meant);
    }
  }
  return pointers;
}

/** What vmlinux and imported modules export is resolved when the livepatch is loaded, like for any module. */
function needsLoader(
  symbol: ElfSymbol,
  { symbol: target, isExported }: Found,
  diff: ObjectDiff,
  isImported: (module: string) => boolean,
): boolean {
  if (symbol.bind === STB.LOCAL || !isExported || diff.ownEntries.has(symbol)) return true;
  // Another module may be loaded after the livepatch.
  return target.object !== 'vmlinux' && !isImported(target.object);
}

/**
 * With which object the relocation is applied. The kernel resolves symbols of vmlinux only in tables of vmlinux
 * (klp_resolve_symbols in kernel/livepatch/core.c); they are there when the livepatch is loaded.
 */
function loadedWith({ symbol }: Found, { objectName }: Lookup): string {
  return symbol.object === 'vmlinux' ? symbol.object : objectName;
}

function klpRelocation(
  section: ElfSection,
  { offset, type, addend, symbol }: Relocation,
  { symbol: target, isExported }: Found,
  object: string,
): KlpRelocation {
  return {
    section,
    offset,
    type,
    addend,
    isExternal: object !== 'vmlinux' && isExported,
    object,
    symbol: {
      name: target.name,
      object: target.object,
      sympos: target.sympos,
      bind: symbol.bind,
      type: symbol.type,
      address: target.address,
    },
    target,
  };
}

/** Undefined symbols that no ordinary relocation uses any more would only make the linker complain. */
function dropUnused(diff: ObjectDiff, answers: ReadonlyMap<ElfSymbol, LookupAnswer>): void {
  const used = new Set(diff.object.sections.flatMap(({ relocations }) => relocations.map(({ symbol }) => symbol)));
  const kept = diff.object.symbols.filter(
    (symbol) => symbol.place !== 'undefined' || used.has(symbol) || !answers.has(symbol),
  );
  diff.object.symbols.splice(0, diff.object.symbols.length, ...kept);
}
