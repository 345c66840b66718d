/**
 * The position of a symbol among its namesakes as the kernel counts it (`old_sympos` of a function, the number in
 * `.klp.sym.OBJECT.NAME,SYMPOS`), or the finding that no single position is right. For every answer of the lookup.
 *
 * What the kernel does, and where it says so:
 *
 * - `klp_find_object_symbol()` (kernel/livepatch/core.c) walks kallsyms of the object, and `klp_find_callback()` counts
 *   every symbol of the name from 1, whatever its type and binding. Position 0 demands that the name be unique.
 * - A module's kallsyms is its symbol table, in the order of the table: `module_kallsyms_on_each_symbol()`
 *   (kernel/module/kallsyms.c; kernel/module.c before 5.19) walks it from the first entry and skips the undefined.
 * - While a module is loading, that is the whole table of the file. After its init function it is what
 *   `add_kallsyms()` kept by `is_core_symbol()`: symbols in sections that are allocated and stay, still in the order of
 *   the table. CONFIG_KALLSYMS_ALL, without which data would be dropped too, is demanded by CONFIG_LIVEPATCH
 *   (kernel/livepatch/Kconfig). Either state can meet a livepatch: it may be loaded before or after the module.
 * - kallsyms of vmlinux is sorted by address (`sort_symbols()`, scripts/kallsyms.c), namesakes too (`compare_names()`
 *   there, for the index by name that v6.2 brought). It keeps the init symbols and has neither undefined nor absolute ones.
 */
import { SHF, STB } from '../elf/constants.js';
import type { TableSymbol, TargetSection, TargetTable } from './symbol-table.js';

export type Position =
  | { readonly kind: 'certain'; readonly sympos: number }
  /** The kernel frees the symbol's section once the module runs, or never has it in kallsyms. */
  | { readonly kind: 'absent'; readonly reason: string }
  /** One number while the module loads, another one when it runs. */
  | { readonly kind: 'shifting'; readonly reason: string };

/**
 * The position of a defined symbol of the table; 0 for a global symbol and 1 for a local one whose name the object has
 * only once, as kpatch's intermediate format records them. A global one with namesakes gets its position: the kernel
 * refuses 0 there, although the name is unique among globals.
 */
export function positionOf(symbol: TableSymbol, table: TargetTable, objectName: string): Position {
  return objectName === 'vmlinux' ? positionInVmlinux(symbol, table) : positionInModule(symbol, table);
}

function positionInVmlinux(symbol: TableSymbol, table: TargetTable): Position {
  const positions = positionsByAddress(symbol.name, table);
  const position = positions.get(symbol);
  if (position === undefined) {
    return { kind: 'absent', reason: 'kallsyms of vmlinux has no absolute and no debugging symbols' };
  }
  return certain(symbol, position, positions.size);
}

type Positions = ReadonlyMap<TableSymbol, number>;

const knownPositions = new WeakMap<TargetTable, Map<string, Positions>>();

/** From 1, for all that kallsyms has of the name: an ambiguous one has a thousand namesakes, and all are told. */
function positionsByAddress(name: string, table: TargetTable): Positions {
  const byName = knownPositions.get(table) ?? new Map<string, Positions>();
  knownPositions.set(table, byName);
  const known = byName.get(name);
  if (known !== undefined) return known;
  const namesakes = table.named(name).filter(isInKernelKallsyms).sort(byAddress);
  const positions = new Map(namesakes.map((symbol, index) => [symbol, index + 1]));
  byName.set(name, positions);
  return positions;
}

/**
 * Example of a shift: `setup` in `.init.text` of a.o stands before `setup` in `.text` of b.o. The latter is number 2
 * while the module loads and number 1 afterwards; no livepatch can be right in both states.
 */
function positionInModule(symbol: TableSymbol, table: TargetTable): Position {
  const loading = table.named(symbol.name).filter(({ place }) => place !== 'undefined');
  const live = loading.filter(staysInModule);
  const section = nameOf(symbol);
  if (!live.includes(symbol)) {
    return { kind: 'absent', reason: `it lies in ${section}, which the kernel drops once the module runs` };
  }
  const whileLoading = loading.indexOf(symbol) + 1;
  const whileLive = live.indexOf(symbol) + 1;
  if (whileLoading === whileLive) return certain(symbol, whileLoading, loading.length);
  const dropped = loading.filter((namesake) => !live.includes(namesake)).map(nameOf);
  const reason =
    `it is number ${whileLoading} of its name while the module loads and number ${whileLive} afterwards, ` +
    `when the kernel has dropped its namesake in ${dropped.join(', ')}`;
  return { kind: 'shifting', reason };
}

function certain(symbol: TableSymbol, position: number, namesakes: number): Position {
  const isUniqueGlobal = namesakes === 1 && symbol.bind !== STB.LOCAL;
  return { kind: 'certain', sympos: isUniqueGlobal ? 0 : position };
}

/** nm prints `a`, `N` or `U` for the others, which scripts/mksysmap and scripts/kallsyms.c (`is_ignored_symbol`) leave out. */
function isInKernelKallsyms({ place }: TableSymbol): boolean {
  return typeof place !== 'string' && isAllocated(place);
}

function staysInModule({ place }: TableSymbol): boolean {
  return typeof place !== 'string' && isAllocated(place) && !isDroppedFromModule(place);
}

/** Where the table does not tell flags (readelf's output), sections are taken for allocated: nearly all are. */
function isAllocated({ flags }: TargetSection): boolean {
  return flags === undefined || (flags & SHF.ALLOC) !== 0;
}

/**
 * Sections that a running module does not have. `.init*`: `module_init_section()` in kernel/module/main.c. The others lose
 * their SHF_ALLOC in `rewrite_section_headers()` there; the extended versions came in v6.14.
 * `.exit*` goes too without CONFIG_MODULE_UNLOAD, which no livepatching kernel is known to lack.
 */
function isDroppedFromModule({ name }: TargetSection): boolean {
  return name !== undefined && (name.startsWith('.init') || READ_AND_DROPPED.has(name));
}

const READ_AND_DROPPED: ReadonlySet<string> = new Set([
  '.modinfo',
  '__versions',
  '__version_ext_crcs',
  '__version_ext_names',
]);

function byAddress(a: TableSymbol, b: TableSymbol): number {
  if (a.value !== b.value) return a.value < b.value ? -1 : 1;
  return a.index - b.index;
}

function nameOf({ place }: TableSymbol): string {
  return typeof place === 'string' ? `an ${place} place` : (place.name ?? `section ${place.index}`);
}
