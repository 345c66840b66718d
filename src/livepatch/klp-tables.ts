/**
 * Reads the `struct klp_object` and `struct klp_func` tables of a finished module back, as `module-source.ts` wrote and
 * the target's compiler laid them out. For verification and inspection; modules of other tools name their tables
 * otherwise and are not understood.
 */
import type { CallbackKind } from '../diff/callbacks.js';
import { ByteReader } from '../elf/bytes.js';
import { STT } from '../elf/constants.js';
import type { ElfObject, ElfSection, ElfSymbol, Relocation } from '../elf/object.js';
import { FUNCTIONS_SYMBOL_PREFIX, OBJECTS_SYMBOL } from './module-source.js';
import { VMLINUX } from './names.js';

/**
 * Where the fields that `module-source.ts` fills in begin, in bytes: they are the first members of the structures in
 * include/linux/livepatch.h, in every kernel from 5.1 on. How long the structures are, depends on the kernel.
 */
const KLP_FUNC = { oldName: 0, newFunction: 8, sympos: 16, externalSize: 24 } as const;
const KLP_OBJECT = { name: 0, functions: 8 } as const;
const KLP_OBJECT_CALLBACKS: Readonly<Record<CallbackKind, number>> = {
  pre_patch: 16,
  post_patch: 24,
  pre_unpatch: 32,
  post_unpatch: 40,
};

/** One redirected function as the kernel will read it. */
export interface TableFunction {
  /** The klp object: `vmlinux` or a module's name. */
  readonly object: string;
  readonly name: string;
  readonly sympos: number;
  /** Where the replacement begins; `undefined` where the pointer leads to no section of the module. */
  readonly replacement: { readonly section: ElfSection; readonly offset: number } | undefined;
  /** The function that begins there, if one does. */
  readonly symbol: ElfSymbol | undefined;
}

/** A callback as the kernel will find it. */
export interface TableCallback {
  readonly object: string;
  readonly kind: CallbackKind;
  /** The function that begins where the pointer leads, if one does. */
  readonly symbol: ElfSymbol | undefined;
}

export interface KlpTables {
  /** The klp objects that have an entry, with functions or without. */
  readonly objects: readonly string[];
  readonly functions: readonly TableFunction[];
  readonly callbacks: readonly TableCallback[];
}

/** A table that is not there, or not as `module-source.ts` makes it. */
export interface TableProblem {
  readonly problem: string;
}

/** The klp objects with their redirected functions and callbacks, or why they cannot be read. */
export function readKlpTables(module: ElfObject): KlpTables | TableProblem {
  const objects = tableNamed(module, OBJECTS_SYMBOL);
  if (objects === undefined) return { problem: `it has no table ${OBJECTS_SYMBOL}, as modules built by kptool have` };
  const tables = module.symbols.filter((symbol) => symbol.name.startsWith(FUNCTIONS_SYMBOL_PREFIX));
  const stride = objects.size / (tables.length + 1);
  if (tables.length === 0 || !Number.isInteger(stride) || stride < KLP_FUNC.externalSize) {
    return { problem: `${OBJECTS_SYMBOL} has ${objects.size} bytes, which do not fit ${tables.length} objects` };
  }
  const found = { objects: [] as string[], functions: [] as TableFunction[], callbacks: [] as TableCallback[] };
  for (let index = 0; index < tables.length; index++) {
    const nameAt = pointerAt(objects, index * stride + KLP_OBJECT.name);
    const object = nameAt === undefined ? VMLINUX : stringAt(nameAt);
    const functionsAt = pointerAt(objects, index * stride + KLP_OBJECT.functions);
    const table = functionsAt && tables.find((symbol) => isAt(symbol, functionsAt));
    if (object === undefined || table === undefined)
      return { problem: `entry ${index} of ${OBJECTS_SYMBOL} is damaged` };
    const functions = readFunctions(module, table, object);
    if ('problem' in functions) return functions;
    found.objects.push(object);
    found.functions.push(...functions);
    found.callbacks.push(...readCallbacks(module, objects, index * stride, object));
  }
  return found;
}

function readCallbacks(module: ElfObject, objects: Table, entry: number, object: string): TableCallback[] {
  return (Object.keys(KLP_OBJECT_CALLBACKS) as CallbackKind[]).flatMap((kind) => {
    const at = entry + KLP_OBJECT_CALLBACKS[kind];
    if (!objects.pointers.has(at)) return [];
    const place = pointerAt(objects, at);
    return { object, kind, symbol: place && module.symbols.find((candidate) => isFunctionAt(candidate, place)) };
  });
}

interface Place {
  readonly section: ElfSection;
  /** Bytes from the start of the section. */
  readonly offset: number;
}

/** A table of structures: a stretch of a data section with its pointers by offset in the table. */
interface Table {
  readonly section: ElfSection;
  readonly start: number;
  readonly size: number;
  readonly pointers: ReadonlyMap<number, Relocation>;
}

function tableNamed(module: ElfObject, name: string): Table | undefined {
  const symbol = module.symbols.find((candidate) => candidate.name === name);
  return symbol && tableOf(symbol);
}

/** A table without functions is all zeros, and the compiler puts it into `.bss`, which has no content. */
function tableOf({ section, value, size }: ElfSymbol): Table | undefined {
  const isInside = section !== undefined && value + size <= section.size;
  if (!isInside || (section.relocations.length > 0 && section.content.length < section.size)) return undefined;
  const own = section.relocations.filter(({ offset }) => offset >= value && offset < value + size);
  return { section, start: value, size, pointers: new Map(own.map((entry) => [entry.offset - value, entry])) };
}

/** Every entry but the last, empty one begins with the pointer to its name, followed by that to its function. */
function readFunctions(module: ElfObject, symbol: ElfSymbol, object: string): readonly TableFunction[] | TableProblem {
  const table = tableOf(symbol);
  if (table === undefined) return { problem: `${symbol.name} is outside its section` };
  const reader = new ByteReader(table.section.content, module.fileName, table.section.name, module.format.byteOrder);
  const pointers = [...table.pointers.keys()].sort((a, b) => a - b);
  const found: TableFunction[] = [];
  for (let index = 0; index < pointers.length; index += 2) {
    const start = pointers[index] ?? 0;
    const nameAt = pointerAt(table, start + KLP_FUNC.oldName);
    const name = nameAt && stringAt(nameAt);
    const isPair = pointers[index + 1] === start + KLP_FUNC.newFunction;
    if (name === undefined || !isPair || start + KLP_FUNC.externalSize > table.size) {
      return { problem: `${symbol.name} is damaged at byte ${start}` };
    }
    const sympos = reader.u64(table.start + start + KLP_FUNC.sympos);
    const replacement = pointerAt(table, start + KLP_FUNC.newFunction);
    const own = replacement && module.symbols.find((candidate) => isFunctionAt(candidate, replacement));
    found.push({ object, name, sympos, replacement, symbol: own });
  }
  return found;
}

function pointerAt(table: Table, offset: number): Place | undefined {
  const relocation = table.pointers.get(offset);
  const section = relocation?.symbol.section;
  if (relocation === undefined || section === undefined) return undefined;
  return { section, offset: relocation.symbol.value + relocation.addend };
}

function isAt(symbol: ElfSymbol, place: Place): boolean {
  return symbol.place === place.section && symbol.value === place.offset;
}

function isFunctionAt(symbol: ElfSymbol, place: Place): boolean {
  return symbol.type === STT.FUNC && isAt(symbol, place);
}

/** The zero-terminated string at a place; `undefined` where it has no end or is empty. */
function stringAt({ section, offset }: Place): string | undefined {
  const end = offset < 0 ? -1 : section.content.indexOf(0, offset);
  return end <= offset ? undefined : new TextDecoder().decode(section.content.subarray(offset, end));
}
