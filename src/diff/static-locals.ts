/**
 * Static locals are numbered in the order in which the compiler meets them, so `count.2` of the original may be
 * `count.5` of the patched object, and another function's `count` may now be `count.2`. What tells them apart is who
 * uses them: the first use in a function's original is the first use in its patched version. A static local may be used
 * by several functions (it stands in an inline one), and by data.
 */
import { dereference } from '../arch/indirection.js';
import { diagnose } from '../diagnostics/catalogue.js';
import type { Diagnostic } from '../diagnostics/diagnostic.js';
import { SHF } from '../elf/constants.js';
import { groupBy } from '../elf/grouped.js';
import type { ElfSection, ElfSymbol } from '../elf/object.js';
import { linkSections } from './correlate.js';
import { canonicalName, isStatelessStatic, isStaticLocal } from './names.js';
import type { Correlation } from './pairing.js';
import { ownerName, type PreparedObject } from './prepare.js';

/**
 * Correlates the static locals of the two objects.
 * @returns what cannot be decided or would lose state: `static-local-removed`, `static-local-changed`,
 *   `static-local-ambiguous`
 */
export function correlateStaticLocals(
  original: PreparedObject,
  patched: PreparedObject,
  correlation: Correlation,
): Diagnostic[] {
  const matcher = new StaticLocalMatcher(original, patched, correlation);
  matcher.forgetNumbers();
  matcher.followUses();
  matcher.judgeDroppedUses();
  matcher.adoptOrphans();
  matcher.verifyUses();
  return matcher.findings;
}

type StaticLocal = ElfSymbol & { readonly section: ElfSection };

function staticLocalsOf({ object, ownSymbol }: PreparedObject): ElfSymbol[] {
  return object.symbols.filter((symbol) => {
    return symbol.section !== undefined && isStaticLocal(symbol, ownSymbol.get(symbol.section));
  });
}

/** `user` of the original uses `symbol`; its patched version does not use the twin. */
interface DroppedUse {
  readonly user: ElfSection;
  readonly counterpart: ElfSection;
  readonly symbol: ElfSymbol;
}

class StaticLocalMatcher {
  readonly findings: Diagnostic[] = [];
  readonly #reported = new Set<ElfSymbol>();
  /** Of patched sections, filled on first use: what they and their parts use, once each and in order. */
  readonly #usedWithParts = new Map<ElfSection, ReadonlySet<ElfSymbol>>();
  /** Of both objects. Asked for each use, of which there are many more than symbols. */
  readonly #staticLocals: ReadonlySet<ElfSymbol>;
  readonly #usedByName = new Map<ElfSection, ReadonlyMap<string, readonly ElfSymbol[]>>();
  /** Uses that the patched function has none for. */
  readonly #dropped: DroppedUse[] = [];
  /** By patched section: what the original of it and its parts use. Filled when a use was dropped. */
  #usedBefore: ReadonlyMap<ElfSection, ReadonlySet<ElfSymbol>> | undefined;

  constructor(
    readonly original: PreparedObject,
    readonly patched: PreparedObject,
    readonly correlation: Correlation,
  ) {
    this.#staticLocals = new Set([...staticLocalsOf(original), ...staticLocalsOf(patched)]);
  }

  /** The symbols that a section uses, in the order of its relocations. The table of addresses itself uses nothing. */
  #used(prepared: PreparedObject, section: ElfSection): ElfSymbol[] {
    const { arch } = prepared;
    if (section.name === '.toc') return [];
    return section.relocations
      .map((relocation) => dereference(arch, relocation)?.symbol)
      .filter((symbol) => symbol !== undefined);
  }

  #isStaticLocal(symbol: ElfSymbol): symbol is StaticLocal {
    return this.#staticLocals.has(symbol);
  }

  /** Two static locals with one number in both objects are so by chance. */
  forgetNumbers(): void {
    const { sections, symbols } = this.correlation;
    for (const symbol of this.original.object.symbols) {
      if (!this.#isStaticLocal(symbol)) continue;
      symbols.unlink(symbol);
      if (this.original.ownSymbol.get(symbol.section) !== symbol) continue;
      sections.unlink(symbol.section);
      const sectionSymbol = this.original.sectionSymbol.get(symbol.section);
      if (sectionSymbol !== undefined) symbols.unlink(sectionSymbol);
    }
  }

  /** Level 1: the k-th use in a section is the k-th use of such a variable in its twin, or in a part split off from it. */
  followUses(): void {
    for (const user of this.original.object.sections) {
      const counterpart = this.#counterpart(user);
      if (counterpart === undefined) continue;
      for (const symbol of this.#used(this.original, user)) {
        if (!this.#isStaticLocal(symbol) || symbol.section === user) continue;
        if (this.correlation.symbols.patchedOf(symbol) !== undefined) continue;
        const twin = this.#firstOpenUse(counterpart, symbol, true);
        if (twin !== undefined) this.#link(symbol, twin);
        else this.#dropped.push({ user, counterpart, symbol });
      }
    }
  }

  /** When all users of all variables are known. */
  judgeDroppedUses(): void {
    for (const dropped of this.#dropped) this.#reportLost(dropped);
  }

  /** Level 2: its function is gone, inlined into another one perhaps: one such variable left on either side is the same. */
  adoptOrphans(): void {
    const key = (symbol: ElfSymbol) => `${canonicalName(symbol.name)} ${symbol.size}`;
    const orphans = groupBy(this.#orphans(), key);
    const candidates = groupBy(
      this.patched.object.symbols.filter(
        (symbol) => this.#isState(symbol) && this.correlation.symbols.originalOf(symbol) === undefined,
      ),
      key,
    );
    for (const [name, originals] of orphans) {
      const twins = candidates.get(name) ?? [];
      const [symbol, twin] = [originals[0], twins[0]];
      if (symbol === undefined || twin === undefined || this.#reported.has(symbol)) continue;
      if (originals.length === 1 && twins.length === 1) this.#link(symbol, twin);
      else this.#reportAmbiguous(originals, twins);
    }
  }

  /** A variable may have several users; if one of them stopped using it, level 1 may have taken the wrong one. */
  verifyUses(): void {
    for (const user of this.original.object.sections) {
      const counterpart = this.#counterpart(user);
      if (counterpart === undefined) continue;
      for (const symbol of this.#used(this.original, user)) {
        if (!this.#isStaticLocal(symbol) || symbol.section === user) continue;
        const twin = this.correlation.symbols.patchedOf(symbol);
        if (twin !== undefined && !this.#uses(counterpart, twin)) this.#reportLost({ user, counterpart, symbol });
      }
    }
  }

  /** The patched section that continues `user`: its twin, or that of the function which it was split off from. */
  #counterpart(user: ElfSection): ElfSection | undefined {
    const twin = this.correlation.sections.patchedOf(user);
    if (twin !== undefined) return twin;
    let symbol = this.original.ownSymbol.get(user);
    while (symbol !== undefined) {
      symbol = this.original.parentOf.get(symbol);
      const section = symbol?.section;
      const found = section && this.correlation.sections.patchedOf(section);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  #firstOpenUse(user: ElfSection, wanted: ElfSymbol, needsSameSize: boolean): ElfSymbol | undefined {
    const namesakes = this.#namesakesUsed(user).get(canonicalName(wanted.name)) ?? [];
    return namesakes.find((symbol) => {
      if (symbol.type !== wanted.type || symbol.section === undefined) return false;
      if (needsSameSize && symbol.size !== wanted.size) return false;
      return this.correlation.symbols.originalOf(symbol) === undefined;
    });
  }

  #uses(user: ElfSection, wanted: ElfSymbol): boolean {
    return this.#allUsed(user).has(wanted);
  }

  #allUsed(user: ElfSection): ReadonlySet<ElfSymbol> {
    const known = this.#usedWithParts.get(user);
    if (known !== undefined) return known;
    const used = new Set(this.#withParts(user).flatMap((part) => this.#used(this.patched, part)));
    this.#usedWithParts.set(user, used);
    return used;
  }

  #namesakesUsed(user: ElfSection): ReadonlyMap<string, readonly ElfSymbol[]> {
    const known = this.#usedByName.get(user);
    if (known !== undefined) return known;
    const byName = groupBy([...this.#allUsed(user)], ({ name }) => canonicalName(name));
    this.#usedByName.set(user, byName);
    return byName;
  }

  /** A patched section and the sections of the functions that were split off from its function, at any depth. */
  #withParts(section: ElfSection): ElfSection[] {
    const parts = [section];
    const seen = new Set(parts);
    for (const part of parts) {
      const symbol = this.patched.ownSymbol.get(part);
      for (const child of (symbol && this.patched.childrenOf.get(symbol)) ?? []) {
        if (child.section === undefined || seen.has(child.section)) continue;
        seen.add(child.section);
        parts.push(child.section);
      }
    }
    return parts;
  }

  #link(symbol: ElfSymbol, twin: ElfSymbol): void {
    this.correlation.symbols.link(symbol, twin);
    const [section, twinSection] = [symbol.section, twin.section];
    if (section === undefined || twinSection === undefined) return;
    const isOwn = this.original.ownSymbol.get(section) === symbol && this.patched.ownSymbol.get(twinSection) === twin;
    if (isOwn) linkSections(this.original, this.patched, this.correlation, section, twinSection);
  }

  /** Variables of functions that the patched object no longer has. */
  #orphans(): ElfSymbol[] {
    const orphans = new Set<ElfSymbol>();
    for (const user of this.original.object.sections) {
      if (this.#counterpart(user) !== undefined) continue;
      for (const symbol of this.#used(this.original, user)) {
        if (!this.#isState(symbol)) continue;
        if (this.correlation.symbols.patchedOf(symbol) === undefined) orphans.add(symbol);
      }
    }
    return [...orphans];
  }

  #isState(symbol: ElfSymbol): boolean {
    return this.#isStaticLocal(symbol) && isWritable(symbol.section);
  }

  /**
   * One of several users of a variable (it stands in an inline function) stopped using it: another one still does, and this
   * one uses no variable of the name that it did not use before and that might be the true twin.
   */
  #isKeptByAnother({ counterpart, symbol }: DroppedUse): boolean {
    const twin = this.correlation.symbols.patchedOf(symbol);
    if (twin === undefined) return false;
    this.#usedBefore ??= this.#indexOriginalUses();
    const before = this.#usedBefore.get(counterpart);
    const namesakes = this.#namesakesUsed(counterpart).get(canonicalName(symbol.name)) ?? [];
    const isEachKnown = namesakes.every((namesake) => {
      const original = this.correlation.symbols.originalOf(namesake);
      return original !== undefined && before?.has(original) === true;
    });
    return (
      isEachKnown &&
      [...this.#usedBefore].some(
        ([other, symbols]) => other !== counterpart && symbols.has(symbol) && this.#uses(other, twin),
      )
    );
  }

  #indexOriginalUses(): Map<ElfSection, Set<ElfSymbol>> {
    const index = new Map<ElfSection, Set<ElfSymbol>>();
    for (const user of this.original.object.sections) {
      const counterpart = this.#counterpart(user);
      if (counterpart === undefined) continue;
      const known = index.get(counterpart) ?? new Set();
      index.set(counterpart, known);
      for (const symbol of this.#used(this.original, user)) known.add(symbol);
    }
    return index;
  }

  /** Bytes from the start of the function (or section) to its first use of the symbol. */
  #offsetOfUse(user: ElfSection, symbol: ElfSymbol): number {
    const { arch, ownSymbol } = this.original;
    const use = user.relocations.find((relocation) => dereference(arch, relocation)?.symbol === symbol);
    return (use?.offset ?? 0) - (ownSymbol.get(user)?.value ?? 0);
  }

  #reportLost(dropped: DroppedUse): void {
    const { user, counterpart, symbol } = dropped;
    // A read-only table carries no state: the patched function brings its own.
    if (symbol.section === undefined || !isWritable(symbol.section) || this.#reported.has(symbol)) return;
    if (isStatelessStatic(symbol) || this.#isKeptByAnother(dropped)) return;
    this.#reported.add(symbol);
    const variable = canonicalName(symbol.name);
    const resized = this.#firstOpenUse(counterpart, symbol, false);
    const place = { functionName: ownerName(this.original, user), offset: this.#offsetOfUse(user, symbol) };
    this.findings.push(
      resized === undefined || resized.size === symbol.size
        ? diagnose('static-local-removed', { variable, ...place })
        : diagnose('static-local-changed', {
            variable,
            ...place,
            originalSize: symbol.size,
            patchedSize: resized.size,
          }),
    );
  }

  #reportAmbiguous(originals: readonly ElfSymbol[], twins: readonly ElfSymbol[]): void {
    const first = originals[0];
    if (first === undefined) return;
    for (const symbol of originals) this.#reported.add(symbol);
    this.findings.push(
      diagnose('static-local-ambiguous', {
        variable: canonicalName(first.name),
        originals: originals.map(({ name }) => name),
        candidates: twins.map(({ name }) => name),
      }),
    );
  }
}

function isWritable(section: ElfSection | undefined): boolean {
  return section !== undefined && (section.flags & SHF.WRITE) !== 0;
}
