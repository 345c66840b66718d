/**
 * Reads what `readelf -s --wide` prints. For `create-diff-object`, whose callers hand the target's symbol table over as
 * this text; kptool itself reads the ELF file.
 */
import { fail } from '../diagnostics/catalogue.js';
import { STB, STT } from '../elf/constants.js';
import { type SymbolRecord, type TablePlace, type TargetSection, TargetTable } from './symbol-table.js';

/** As `get_symbol_type` of binutils (binutils/readelf.c) spells them. */
const TYPES: ReadonlyMap<string, number> = new Map([
  ['NOTYPE', STT.NOTYPE],
  ['OBJECT', STT.OBJECT],
  ['FUNC', STT.FUNC],
  ['SECTION', STT.SECTION],
  ['FILE', STT.FILE],
  ['COMMON', STT.COMMON],
  ['TLS', STT.TLS],
  ['IFUNC', STT.GNU_IFUNC],
]);

/** As `get_symbol_binding` of binutils spells them. */
const BINDS: ReadonlyMap<string, number> = new Map([
  ['LOCAL', STB.LOCAL],
  ['GLOBAL', STB.GLOBAL],
  ['WEAK', STB.WEAK],
  ['UNIQUE', STB.GNU_UNIQUE],
]);

/** As `get_symbol_index_type` of binutils spells them; 0xff20 is `SHN_LIVEPATCH`. */
const PLACES: ReadonlyMap<string, TablePlace> = new Map<string, TablePlace>([
  ['UND', 'undefined'],
  ['ABS', 'absolute'],
  ['COM', 'common'],
  ['OS [0xff20]', 'livepatch'],
]);

/**
 * One row: value, size, type, binding, section, name. Sizes from 100,000 bytes on are printed in hex. Between visibility
 * and section stands, where `st_other` has more to say, a remark: `[<localentry>: 8]` on ppc64le, `[VARIANT_PCS]` on
 * aarch64. What readelf has no word for is printed as `<OS specific>: 10` or `PRC[0xff00]`.
 */
const ROW =
  /^ *\d+: +([0-9a-f]+) +(\d+|0x[0-9a-f]+) +([A-Z]+|<[^>]+>: *\d+) +([A-Z]+|<[^>]+>: *\d+) +[A-Z]+ +(?:\[[^\]]*\] +)?(\d+|UND|ABS|COM|[A-Z]+_[A-Z]+|(?:PRC|OS |RSV)\[0x[0-9a-f]+\])(?: (.*))?$/;

const HEADING = /^Symbol table '(?<table>[^']*)' contains (?<count>\d+) entr(?:y|ies):$/;

/**
 * The table `.symtab` of the text, or its only table. Throws `symtab-malformed` with the line for a row that is none, a
 * table that is shorter than its heading says, names that were cut because `--wide` was forgotten, and a text without
 * any table.
 */
export function parseReadelfSymbols(text: string, fileName: string): TargetTable {
  const tables = splitTables(text, fileName);
  const chosen = tables.find(({ name }) => name === '.symtab') ?? tables[0];
  if (chosen === undefined)
    return fail('symtab-malformed', { file: fileName, line: 1, problem: 'no symbol table in it' });
  const sections: Sections = new Map();
  const records = chosen.rows.map((row, index) => {
    return parseRow(row, { file: fileName, line: chosen.lines[index] ?? chosen.line }, sections);
  });
  if (records.length !== chosen.count) {
    const problem = `the heading promises ${chosen.count} symbols, ${records.length} follow`;
    fail('symtab-malformed', { file: fileName, line: chosen.line, problem });
  }
  nameSections(records, sections);
  return new TargetTable(fileName, records);
}

/** By index; they get their names when all rows have been read. */
type Sections = Map<number, { -readonly [Fact in keyof TargetSection]: TargetSection[Fact] }>;

interface PrintedTable {
  readonly name: string;
  readonly count: number;
  /** Of the heading, from 1. */
  readonly line: number;
  readonly rows: string[];
  /** Of each row. */
  readonly lines: number[];
}

function splitTables(text: string, fileName: string): PrintedTable[] {
  const tables: PrintedTable[] = [];
  text.split('\n').forEach((printed, index) => {
    const row = printed.endsWith('\r') ? printed.slice(0, -1) : printed;
    const line = index + 1;
    if (row.startsWith('   Num:') || row.startsWith('File: ') || row.trim() === '') return;
    const heading = row.startsWith('Symbol table') ? HEADING.exec(row)?.groups : undefined;
    if (heading !== undefined) {
      tables.push({ name: heading.table ?? '', count: Number(heading.count), line, rows: [], lines: [] });
      return;
    }
    const current = tables.at(-1);
    if (current === undefined)
      fail('symtab-malformed', { file: fileName, line, problem: `a heading was expected, not «${excerpt(row)}»` });
    current.rows.push(row);
    current.lines.push(line);
  });
  return tables;
}

function parseRow(row: string, at: { file: string; line: number }, sections: Sections): SymbolRecord {
  const [, value, size, type, bind, place, name = ''] = ROW.exec(row) ?? [];
  if (value === undefined || size === undefined || type === undefined || bind === undefined || place === undefined) {
    return fail('symtab-malformed', { ...at, problem: `not a symbol: «${excerpt(row)}»` });
  }
  if (name.endsWith('[...]')) {
    fail('symtab-malformed', { ...at, problem: `the name «${excerpt(name)}» is cut, as readelf does without --wide` });
  }
  const bytes = Number(size);
  if (!Number.isSafeInteger(bytes))
    fail('symtab-malformed', { ...at, problem: `a size of ${size} bytes cannot be meant` });
  return {
    name,
    value: BigInt(`0x${value}`),
    size: bytes,
    bind: BINDS.get(bind) ?? printedNumber(bind),
    type: TYPES.get(type) ?? printedNumber(type),
    place: PLACES.get(place) ?? numberedPlace(place, sections),
  };
}

/** `<processor specific>: 13` is 13; a word that is not in the tables is no number that anyone asks for. */
function printedNumber(printed: string): number {
  const number = /: *(\d+)$/.exec(printed)?.[1];
  return number === undefined ? -1 : Number(number);
}

function numberedPlace(place: string, sections: Sections): TablePlace {
  const index = Number(place);
  if (!Number.isSafeInteger(index)) return 'reserved';
  let section = sections.get(index);
  if (section === undefined) {
    section = { index, name: undefined, flags: undefined };
    sections.set(index, section);
  }
  return section;
}

/** Since binutils 2.35 the row of a section symbol shows the section's name; older ones leave it empty. */
function nameSections(records: readonly SymbolRecord[], sections: Sections): void {
  for (const { type, place, name } of records) {
    const section = typeof place === 'string' ? undefined : sections.get(place.index);
    if (type === STT.SECTION && name !== '' && section !== undefined) section.name = name;
  }
}

function excerpt(text: string): string {
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}
