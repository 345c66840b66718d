/**
 * Reads `System.map`, what `nm -n vmlinux` printed, or a copy of /proc/kallsyms: addresses and names of vmlinux. For a
 * kernel whose vmlinux is not at hand. It tells no sizes, sections or files; what it tells is enough for globals, for
 * locals of unique name, and for namesakes whose neighbours are known.
 */
import { fail } from '../diagnostics/catalogue.js';
import { STB, STT } from '../elf/constants.js';
import { type SymbolRecord, type TablePlace, type TargetSection, TargetTable } from './symbol-table.js';

/** `ffffffff81000000 T _stext`, with the module's name behind it in /proc/kallsyms; no address where it is undefined. */
const LINE = /^([0-9a-f]{8,16}| {8,16}) ([A-Za-z?-]) (\S+)([\t ]+\[\S+\])?\r?$/;

/** The kinds of sections that nm has letters for. */
const TEXT: TargetSection = { index: 1, name: 'text', flags: undefined };
const DATA: TargetSection = { index: 2, name: 'data', flags: undefined };
const READ_ONLY: TargetSection = { index: 3, name: 'read-only data', flags: undefined };
const BSS: TargetSection = { index: 4, name: 'bss', flags: undefined };
const WEAK: TargetSection = { index: 5, name: 'weak data', flags: undefined };
const PER_CPU: TargetSection = { index: 6, name: 'per-CPU data', flags: undefined };

/**
 * The kernel itself gives per-CPU data the letter `A` (`kallsyms_sym_address()` of kernel/kallsyms.c, CONFIG_KALLSYMS_ABSOLUTE_PERCPU),
 * whatever its binding, and counts it like everything that kallsyms has; nm gives it `D` and `d`.
 */
const KALLSYMS_MARK = /^0+ A __per_cpu_start\r?$/m;
const PER_CPU_DATA: Meaning = { type: STT.OBJECT, place: PER_CPU, bind: STB.LOCAL, isBindingUnknown: true };

interface Meaning {
  readonly type: number;
  readonly place: TablePlace;
  readonly isBindingUnknown?: true;
  /** Where the letter's case says nothing: `V` and `W` are weak, `v` and `w` weak and undefined. */
  readonly bind?: number;
}

/**
 * nm's letters (manual of binutils, nm); capitals are global, where the table does not say otherwise. What kallsyms leaves
 * out (`N`, debugging) is missing here, and so are stabs and what nm does not know.
 */
const LETTERS: ReadonlyMap<string, Meaning> = new Map<string, Meaning>([
  ...bothCases('T', { type: STT.FUNC, place: TEXT }),
  ...bothCases('D', { type: STT.OBJECT, place: DATA }),
  ...bothCases('G', { type: STT.OBJECT, place: DATA }),
  ...bothCases('R', { type: STT.OBJECT, place: READ_ONLY }),
  ...bothCases('B', { type: STT.OBJECT, place: BSS }),
  ...bothCases('S', { type: STT.OBJECT, place: BSS }),
  ...bothCases('A', { type: STT.NOTYPE, place: 'absolute' }),
  ...bothCases('C', { type: STT.OBJECT, place: 'common' }),
  ['W', { type: STT.FUNC, place: TEXT, bind: STB.WEAK }],
  ['V', { type: STT.OBJECT, place: WEAK, bind: STB.WEAK }],
  ['w', { type: STT.NOTYPE, place: 'undefined', bind: STB.WEAK }],
  ['v', { type: STT.OBJECT, place: 'undefined', bind: STB.WEAK }],
  ['U', { type: STT.NOTYPE, place: 'undefined', bind: STB.GLOBAL }],
  ['u', { type: STT.OBJECT, place: DATA, bind: STB.GNU_UNIQUE }],
  ['i', { type: STT.GNU_IFUNC, place: TEXT, bind: STB.GLOBAL }],
]);

function bothCases(letter: string, meaning: Meaning): [string, Meaning][] {
  return [
    [letter, { ...meaning, bind: STB.GLOBAL }],
    [letter.toLowerCase(), { ...meaning, bind: STB.LOCAL }],
  ];
}

/**
 * Names that kallsyms of vmlinux never has, and that mark no beginning of anything either: local labels, mapping symbols
 * of ARM, checksums (scripts/mksysmap, and `is_ignored_symbol()` of scripts/kallsyms.c before 6.3).
 */
const IGNORED = /^(?:\$|\.L|L0$|__crc_|__efistub_|__kstrtab_|__kstrtabns_|__kcfi_typeid_)/;

/** The text is one that this file reads: its first line is an address, a letter and a name. */
export function isSystemMap(text: string): boolean {
  const first = text
    .slice(0, 1000)
    .split(/\r?\n/)
    .find((line) => line.trim() !== '');
  return first !== undefined && LINE.test(first);
}

/**
 * The table of vmlinux, sorted by address as kallsyms sorts it. Symbols of modules, which /proc/kallsyms lists too, are left
 * out. Throws `symtab-malformed` with the line for one that is none, for a placeholder in the place of the map, for addresses that
 * the kernel hid, and for a module as the target: positions in a module follow the order of its symbol table, which is not the
 * order of addresses.
 */
export function parseSystemMap(text: string, fileName: string, objectName = 'vmlinux'): TargetTable {
  const at = { file: fileName, line: 1 };
  if (objectName !== 'vmlinux') {
    fail('symtab-malformed', {
      ...at,
      problem: `a list of addresses tells the symbols of vmlinux, not of ${objectName}`,
    });
  }
  const records = readRecords(text, fileName);
  const defined = records.filter(({ place }) => typeof place !== 'string');
  if (defined.length < FEWEST) {
    fail('symtab-malformed', {
      ...at,
      problem: `${describeCount(defined.length)}: a placeholder for the real System.map`,
    });
  }
  if (defined.every(({ value }) => value === 0n)) {
    fail('symtab-malformed', { ...at, problem: 'all addresses are 0, as the kernel shows them to users but root' });
  }
  return new TargetTable(fileName, withRoom(records), { order: 'address' });
}

/** Debian ships one line that says where the map is; no kernel has so few symbols. */
const FEWEST = 2;

function describeCount(count: number): string {
  return count === 1 ? 'only one symbol' : 'no symbol';
}

/** A record whose room is found out once all have been read. */
type Measured = { -readonly [Key in keyof SymbolRecord]: SymbolRecord[Key] };

function readRecords(text: string, fileName: string): Measured[] {
  const isKallsyms = KALLSYMS_MARK.test(text);
  const records: Measured[] = [];
  let line = 0;
  for (const row of text.split('\n')) {
    line++;
    const parts = LINE.exec(row);
    if (parts === null) {
      if (row.trim() === '') continue;
      const problem = `not an address, a letter of nm and a name: «${row.length > 80 ? `${row.slice(0, 77)}...` : row}»`;
      fail('symtab-malformed', { file: fileName, line, problem });
    }
    const [, address = '', letter = '', name = '', module] = parts;
    const meaning = isKallsyms && letter === 'A' ? PER_CPU_DATA : LETTERS.get(letter);
    if (meaning === undefined || module !== undefined || IGNORED.test(name)) continue;
    const { type, place, bind = STB.GLOBAL, isBindingUnknown } = meaning;
    const value = address.startsWith(' ') ? 0n : BigInt(`0x${address}`);
    records.push({ name, value, size: 0, room: undefined, bind, isBindingUnknown, type, place });
  }
  return records;
}

/** In the order of addresses, equal ones as they came; with the distance to the next address, whatever lies there. */
function withRoom(records: Measured[]): readonly SymbolRecord[] {
  if (!isSorted(records)) records.sort((a, b) => compare(a.value, b.value));
  let next: bigint | undefined;
  let following: bigint | undefined;
  for (let at = records.length - 1; at >= 0; at--) {
    const record = records[at];
    if (record === undefined || typeof record.place === 'string') continue;
    if (record.value !== following) next = following;
    following = record.value;
    record.room = next === undefined ? Number.MAX_SAFE_INTEGER : Number(next - record.value);
  }
  return records;
}

function isSorted(records: readonly SymbolRecord[]): boolean {
  return records.every(({ value }, index) => index === 0 || (records[index - 1]?.value ?? 0n) <= value);
}

function compare(a: bigint, b: bigint): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
