/**
 * Some things cannot be changed where they are and need not be: a constant table, an out-of-line copy of an inline
 * function without ftrace entry. If only functions use them that ftrace can redirect, these count as changed and bring
 * the new one along. Serves the comparison; what cannot be carried stays as it was found and is refused later.
 */
import { dereference } from '../arch/indirection.js';
import { diagnose } from '../diagnostics/catalogue.js';
import type { Diagnostic } from '../diagnostics/diagnostic.js';
import { STB, STT } from '../elf/constants.js';
import type { ElfSection, ElfSymbol, Relocation } from '../elf/object.js';
import { isRuntimeConstantTable } from './check-included.js';
import { type Comparison, isSameKind } from './compare.js';
import { isConstantData, isThrowawayStatic } from './names.js';
import type { Correlation } from './pairing.js';
import type { PreparedObject } from './prepare.js';

export interface CarryInput {
  readonly original: PreparedObject;
  readonly patched: PreparedObject;
  readonly correlation: Correlation;
  readonly comparison: Comparison;
  /** Names of the sections that are taken entry by entry; their references use nothing. */
  readonly tableNames: ReadonlySet<string>;
}

/** What stands in the way of carrying something along, in words that name the function or variable. */
export type Obstacles = ReadonlyMap<ElfSymbol, readonly string[]>;

/**
 * Marks in the comparison what is carried (`new`) and by whom (`changed`).
 * @param parted as `partResizedConstants` returned it
 * @returns for each changed function without ftrace entry that could not be carried, why; `data-size-changed` or
 *   `section-kind-changed` for each constant of another size or kind that could not
 */
export function carryAlong(
  input: CarryInput,
  parted: ReadonlyMap<ElfSymbol, ElfSymbol>,
): { obstacles: Obstacles; findings: Diagnostic[] } {
  const findings: Diagnostic[] = [];
  const obstacles = new Map<ElfSymbol, readonly string[]>();
  const uses = new UseIndex(input);
  markUsersOfNewData(input, uses);
  for (const symbol of input.patched.ownSymbol.values()) {
    if (!isCarriable(input, symbol)) continue;
    const attempt = new Attempt(input, uses);
    attempt.carry(symbol);
    if (attempt.obstacles.length === 0) attempt.apply();
    else obstacles.set(symbol, attempt.obstacles);
  }
  for (const [symbol, twin] of parted) {
    if (input.comparison.symbols.get(symbol) !== 'new') continue;
    const attempt = new Attempt(input, uses);
    attempt.carry(symbol);
    if (attempt.obstacles.length === 0) attempt.apply();
    else findings.push(describeParted(symbol, twin));
  }
  return { obstacles, findings };
}

function describeParted(symbol: ElfSymbol, twin: ElfSymbol): Diagnostic {
  return symbol.size === twin.size
    ? diagnose('section-kind-changed', { section: symbol.section?.name ?? '', of: symbol.name })
    : diagnose('data-size-changed', { variable: symbol.name, originalSize: twin.size, patchedSize: symbol.size });
}

/**
 * Parts the twins of local constants whose size or kind differs: the patched one is new then, and whoever uses it brings
 * it along. What other users there are is looked at by `carryAlong`.
 * @returns the former twin of each
 */
export function partResizedConstants({
  original,
  patched,
  correlation,
}: Omit<CarryInput, 'comparison' | 'tableNames'>) {
  const parted = new Map<ElfSymbol, ElfSymbol>();
  for (const [section, symbol] of patched.ownSymbol) {
    const twin = correlation.symbols.originalOf(symbol);
    if (twin?.section === undefined || !isLocalConstant(symbol) || !isLocalConstant(twin)) continue;
    if (original.ownSymbol.get(twin.section) !== twin) continue;
    const isKept = twin.size === symbol.size && isSameKind(twin.section, section);
    if (isKept) continue;
    parted.set(symbol, twin);
    correlation.symbols.unlink(twin);
    correlation.sections.unlink(twin.section);
    const sectionSymbol = original.sectionSymbol.get(twin.section);
    if (sectionSymbol !== undefined) correlation.symbols.unlink(sectionSymbol);
  }
  return parted;
}

/** Changed, and it cannot be changed in place: a local constant, a local function without ftrace entry. */
function isCarriable(input: CarryInput, symbol: ElfSymbol): boolean {
  if (input.comparison.symbols.get(symbol) !== 'changed') return false;
  return isLocalConstant(symbol) || (symbol.type === STT.FUNC && !isRedirectable(input, symbol));
}

function isLocalConstant(symbol: ElfSymbol): boolean {
  const { section } = symbol;
  return symbol.type === STT.OBJECT && symbol.bind === STB.LOCAL && section !== undefined && isConstantData(section);
}

/** The running function has an ftrace entry, or it is part of one that has (`foo.cold`). */
function isRedirectable(input: CarryInput, symbol: ElfSymbol): boolean {
  const head = headOf(input.patched, symbol);
  const original = input.correlation.symbols.originalOf(head);
  return original === undefined || input.patched.arch.traceOffset(original) !== undefined;
}

/** The function that a part without ftrace entry was split off from; itself for any other. */
function headOf({ arch, parentOf }: PreparedObject, symbol: ElfSymbol): ElfSymbol {
  let head = symbol;
  // A crafted file may go in circles.
  for (let depth = 0; depth < 8 && arch.traceOffset(head) === undefined; depth++) {
    const parent = parentOf.get(head);
    if (parent === undefined) break;
    head = parent;
  }
  return head;
}

/** A function that looks the same but whose `steps.0` is another table than before has changed. */
function markUsersOfNewData(input: CarryInput, uses: UseIndex): void {
  const { patched, comparison } = input;
  for (const [section, symbol] of patched.ownSymbol) {
    if (comparison.symbols.get(symbol) !== 'new' || !isLocalConstant(symbol)) continue;
    if (isThrowawayStatic(symbol, symbol)) continue;
    for (const { user } of uses.of(symbol)) {
      const own = patched.ownSymbol.get(user);
      if (user === section || own?.type !== STT.FUNC || comparison.sections.get(user) !== 'same') continue;
      markChanged(input, own);
    }
  }
}

function markChanged({ patched, comparison }: CarryInput, symbol: ElfSymbol): void {
  const head = headOf(patched, symbol);
  for (const part of [symbol, head]) {
    if (comparison.symbols.get(part) === 'same') comparison.symbols.set(part, 'changed');
    if (part.section !== undefined && comparison.sections.get(part.section) === 'same') {
      comparison.sections.set(part.section, 'changed');
    }
  }
}

interface Use {
  readonly user: ElfSection;
  readonly relocation: Relocation;
}

/** Who refers to a symbol, by anything that is compiled into the running kernel. */
class UseIndex {
  readonly #uses = new Map<ElfSymbol, Use[]>();

  constructor({ patched, tableNames }: CarryInput) {
    for (const user of patched.object.sections) {
      if (tableNames.has(user.name) || user.name === '.toc' || isRuntimeConstantTable(user)) continue;
      for (const relocation of user.relocations) {
        const meant = dereference(patched.arch, relocation)?.symbol;
        if (meant === undefined) continue;
        const known = this.#uses.get(meant);
        if (known === undefined) this.#uses.set(meant, [{ user, relocation }]);
        else known.push({ user, relocation });
      }
    }
  }

  of(symbol: ElfSymbol): readonly Use[] {
    return this.#uses.get(symbol) ?? [];
  }
}

/** One thing to carry, with all that must then go too. Nothing is marked before it is known that all of it can. */
class Attempt {
  readonly obstacles: string[] = [];
  readonly #carried = new Set<ElfSymbol>();
  readonly #users = new Set<ElfSymbol>();

  constructor(
    readonly input: CarryInput,
    readonly uses: UseIndex,
  ) {}

  /** Static inline functions call each other, so this goes on until functions with an ftrace entry are found. */
  carry(first: ElfSymbol): void {
    const pending = [first];
    for (let symbol = pending.pop(); symbol !== undefined; symbol = pending.pop()) {
      if (this.#carried.has(symbol)) continue;
      this.#carried.add(symbol);
      if (symbol.bind !== STB.LOCAL) this.obstacles.push(`${symbol.name} is global, other objects may call it`);
      for (const use of this.uses.of(symbol)) {
        const next = this.#follow(symbol, use);
        if (next !== undefined) pending.push(next);
      }
    }
  }

  /** The user, where it has to be carried itself. */
  #follow(symbol: ElfSymbol, { user, relocation }: Use): ElfSymbol | undefined {
    if (user === symbol.section) return undefined;
    const { patched, comparison } = this.input;
    const own = patched.ownSymbol.get(user);
    // `foo.cold` jumps back into `foo` and goes along with it.
    if (own !== undefined && headOf(patched, own) === symbol) return undefined;
    const name = own?.name ?? user.name;
    if (own === undefined || (own.type !== STT.FUNC && !isLocalConstant(own))) {
      this.obstacles.push(`${name} refers to ${symbol.name} and cannot be replaced`);
      return undefined;
    }
    if (own.type !== STT.FUNC) {
      if (symbol.type !== STT.FUNC) return own;
      this.obstacles.push(`${name} holds the address of ${symbol.name}`);
      return undefined;
    }
    const isDirect = symbol.type === STT.FUNC ? this.#isCall(user, relocation) : this.#isRead(symbol, user, relocation);
    if (!isDirect) this.obstacles.push(`${name} passes on the address of ${symbol.name}`);
    const head = headOf(patched, own);
    if (comparison.symbols.get(head) === 'new') return undefined;
    if (!isRedirectable(this.input, head)) return head;
    this.#users.add(own);
    return undefined;
  }

  #isCall(user: ElfSection, relocation: Relocation): boolean {
    const { arch } = this.input.patched;
    return arch.isCall(user, relocation) || arch.isJump?.(user, relocation) === true;
  }

  /**
   * Plain values and texts may be read in any way. A table of pointers to functions or data may be registered somewhere,
   * which would then go on with the old one, or with a new one that goes away with the livepatch; so it has to be read on
   * the spot.
   */
  #isRead(symbol: ElfSymbol, user: ElfSection, relocation: Relocation): boolean {
    const isPlain = symbol.section?.relocations.every(({ symbol: { type, name } }) => {
      return type === STT.SECTION || name.startsWith('.L');
    });
    return isPlain === true || this.input.patched.arch.readsInPlace?.(user, relocation) === true;
  }

  apply(): void {
    const { patched, comparison, correlation } = this.input;
    for (const symbol of this.#carried) {
      for (const part of [symbol, ...(patched.childrenOf.get(symbol) ?? [])]) {
        if (part !== symbol && patched.arch.traceOffset(part) !== undefined) continue;
        comparison.symbols.set(part, 'new');
        if (part.section === undefined) continue;
        comparison.sections.set(part.section, 'new');
        const twin = correlation.sections.originalOf(part.section);
        if (twin !== undefined) correlation.sections.unlink(twin);
      }
      const twin = correlation.symbols.originalOf(symbol);
      if (twin !== undefined) correlation.symbols.unlink(twin);
    }
    for (const user of this.#users) markChanged(this.input, user);
  }
}
