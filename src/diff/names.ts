/**
 * What names tell: which symbols the compiler numbered, which statics carry no state worth keeping, which sections hold
 * what. Compilers and kernel macros choose these names, so the lists are data with a reason each; whatever can be seen
 * from flags and relocations is decided there instead.
 */
import { SHF, STB, STT } from '../elf/constants.js';
import type { ElfSection, ElfSymbol } from '../elf/object.js';

/**
 * The name without the numbers that GCC and Clang count up per object: `foo.isra.3` and `foo.isra.7` are one function,
 * `count.2` and `count` one static local. Pools of strings are named alike (`.rodata.f.str1.8`) but their number is the
 * alignment.
 */
export function canonicalName(name: string): string {
  // Nearly all names have neither; objects have tens of thousands.
  if (!name.includes('.') && !name.includes('__UNIQUE_ID_')) return name;
  if (name.includes('.str1.')) return name;
  const parts = name.split('.');
  const [first = '', ...suffixes] = parts.map((part) => (part.includes(uniqueId) ? withoutNumber(part) : part));
  const named = suffixes.map((part) => (isNumber(part) ? '#' : part));
  if (named.at(-1) === '#') named.pop();
  return [first, ...named].join('.');
}

/** What `__UNIQUE_ID(x)` of the kernel makes (include/linux/compiler.h): the prefix, `x`, a number that counts up per object. */
const uniqueId = '__UNIQUE_ID_';

function withoutNumber(part: string): string {
  let end = part.length;
  while (end > 0 && isDigit(part.charCodeAt(end - 1))) end--;
  return part.slice(0, end);
}

function isNumber(part: string): boolean {
  return part !== '' && [...part].every((character) => isDigit(character.charCodeAt(0)));
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

/** `helper` of `helper.constprop.0.isra.1`. */
export function cloneRoot(name: string): string {
  const suffix = name.search(/\.(isra|constprop|part|llvm|lto_priv)\./);
  return suffix > 0 ? name.slice(0, suffix) : name;
}

/** The function of the source that `mad_send.isra.0` or `mad_send.constprop.0.cold` was made of. */
export function functionRoot(name: string): string {
  const cold = name.indexOf('.cold');
  return cloneRoot(cold > 0 ? name.slice(0, cold) : name);
}

/** Statics that macros and the compiler make, each for one use; a fresh copy in the livepatch behaves the same. */
const throwawayStatics = [
  // lockdep class of a lock: `mutex_init` in `probe()`
  '__key',
  // WARN_ONCE and friends: once more after patching is what the author would expect
  '__warned',
  '__already_done',
  // names of functions, read-only
  '__func__',
  '__FUNCTION__',
  // `printk_ratelimited`, `dev_warn_ratelimited`
  '_rs',
  // tables that a `switch` was turned into
  'CSWTCH',
  // printk index records
  '_entry',
  '_entry_ptr',
];

const throwawayPattern = new RegExp(`(^|\\.)(${throwawayStatics.join('|')})(\\.|$)`);

/** Sections that hold nothing but such statics: `pr_debug` descriptors, once flags. */
const throwawaySections = new Set(['__verbose', '__dyndbg', '.data.once', '.data..once']);

/** A static that never has a twin and goes along with every function that uses it. */
export function isThrowawayStatic(symbol: ElfSymbol, ownSymbol: ElfSymbol | undefined): boolean {
  const section = symbol.section;
  if (section === undefined) return false;
  if (
    throwawaySections.has(section.name) &&
    (symbol.type === STT.OBJECT || isSectionOf(symbol, ['__verbose', '__dyndbg']))
  ) {
    return true;
  }
  const named = symbol.type === STT.SECTION ? ownSymbol : symbol;
  if (named === undefined || named.type !== STT.OBJECT || named.bind !== STB.LOCAL) return false;
  if (!throwawayPattern.test(named.name)) return false;
  // `__key` at the end must be numbered (GCC) or follow the function's name (Clang); a file-scope `_rs` is state.
  return named.name.includes('.');
}

/**
 * The table that a `switch` was turned into (`CSWTCH.4`), or the limits of `printk_ratelimited` (`_rs.2`), in a section of
 * its own. It has no twin, as its number says nothing, so its content tells whether its function still does the same.
 */
export function isCopiedWithContent(symbol: ElfSymbol): boolean {
  const { section, name } = symbol;
  return (
    /^(CSWTCH|_rs)\b/.test(name) &&
    section !== undefined &&
    /^\.(ro)?data\./.test(section.name) &&
    section.name.endsWith(`.${name}`)
  );
}

/** Constants of one variable (`-fdata-sections`); those with relocations are written once where code may be anywhere. */
export function isConstantData(section: ElfSection): boolean {
  return /^\.(rodata|data\.rel\.ro)\./.test(section.name);
}

function isSectionOf(symbol: ElfSymbol, names: readonly string[]): boolean {
  return symbol.type === STT.SECTION && symbol.section !== undefined && names.includes(symbol.section.name);
}

/**
 * Flags of macros that act once. Where one has a twin the target's is used; where it went away nothing is lost:
 * `pr_info_once` of kernels before 5.15, whose flag is in `.data..read_mostly` or `.data.once`.
 */
const statelessStatics = /^__print_once$/;

export function isStatelessStatic({ name }: ElfSymbol): boolean {
  return statelessStatics.test(canonicalName(name));
}

/** A static local that carries state from call to call: `count.2` in `static int count;`. */
export function isStaticLocal(symbol: ElfSymbol, ownSymbol: ElfSymbol | undefined): boolean {
  return (
    symbol.type === STT.OBJECT &&
    symbol.bind === STB.LOCAL &&
    symbol.section !== undefined &&
    symbol.name.includes('.') &&
    !symbol.name.startsWith('.L') &&
    !isThrowawayStatic(symbol, ownSymbol)
  );
}

/** A label in a literal pool, `.LC4`; its number says nothing. */
export function isLiteralLabel(symbol: ElfSymbol): boolean {
  return symbol.type === STT.NOTYPE && symbol.name.startsWith('.LC');
}

/** `.L42`, and what the GNU assembler makes of `1:` (`L0` and a control character; gas/symbols.c, fb_label_name). */
export function isAssemblerLabel(name: string): boolean {
  return name.startsWith('.L') || name.includes('\u0001') || name.includes('\u0002');
}

/** Marks where code and data begin (`$x`, `$d` on arm64; `$x` on RISC-V); many have one name. */
export function isMappingSymbol(symbol: ElfSymbol): boolean {
  return symbol.type === STT.NOTYPE && symbol.bind === STB.LOCAL && symbol.name.startsWith('$');
}

/** Data that the compiler made and numbered without a symbol: `.data..Lubsan_data118`, `.rodata..L__unnamed_3`. */
export function isUnnamedData(section: ElfSection): boolean {
  return /^\.(data|rodata|bss)(\.rel(\.ro)?(\.local)?)?\.\.L/.test(section.name);
}

/** UBSAN's descriptions of a source position; their content moves with every line that the patch adds. */
export function isSourcePosition(section: ElfSection): boolean {
  return /\.\.?Lubsan_(data|type)\d+$/.test(section.name);
}

/** Also `.eh_frame`, which arm64 compilers write unasked and no livepatch brings along: stacks are unwound by frame there. */
export function isDebugSection(section: ElfSection): boolean {
  return section.name.startsWith('.debug_') || ['.BTF', '.BTF.ext', '.eh_frame'].includes(section.name);
}

/** Thrown away when the kernel or a module is linked (`DISCARDS` in include/asm-generic/vmlinux.lds.h). */
export function isDiscardedSection(section: ElfSection): boolean {
  return section.name.startsWith('.discard');
}

/** Code and data that are gone once the kernel has booted or the module is loaded. */
export function isInitSection(section: ElfSection): boolean {
  return /^\.(init|exit|ref|meminit|memexit|initcall|con_initcall)\b|^\.initcall|\.init$/.test(section.name);
}

/** Which functions are called at boot, and when: `.initcall6.init`, `.con_initcall.init`. */
export function isInitcallSection({ name }: ElfSection): boolean {
  return /^\.(\w+_)?initcall\w*\.init$/.test(name);
}

/** What `EXPORT_SYMBOL` leaves in an object, before and after kernel commit ddb5cdbafaaa (v6.5). */
export function isExportSection(section: ElfSection): boolean {
  return /^(___?ksymtab|___?kcrctab|\.export_symbol)/.test(section.name);
}

/** Which function the kernel calls for which PCI device, between the marks of its own image (drivers/pci/quirks.c). */
export function isQuirkSection(section: ElfSection): boolean {
  return section.name.startsWith('.pci_fixup');
}

/** Literals that the linker may merge. Each reference to one is compared by what it refers to. */
export function isLiteralPool(section: ElfSection): boolean {
  return (section.flags & SHF.MERGE) !== 0 && section.relocations.length === 0;
}

/**
 * Pools of strings: `.rodata.str1.1`, `.rodata.f.str1.8`, on LoongArch also `.rodata.str`. They are shipped whole. The
 * name is all that counts, as in kpatch, so that results stay comparable; a constant named `strategy` goes along for
 * nothing.
 */
export function isStringPool(section: ElfSection): boolean {
  return /^\.rodata\.(str|.*\.str1\.)/.test(section.name);
}
