/** Symbol tables of targets, and original objects with nothing but symbols, for the tests of the lookup. */
import { SHF, SHT, STB, STT } from '../../src/elf/constants.js';
import type { ElfObject, ElfSection } from '../../src/elf/object.js';
import { type SymbolRecord, type TablePlace, type TargetSection, TargetTable } from '../../src/lookup/symbol-table.js';
import { ObjectBuilder } from './elf.js';

export const { FUNC, OBJECT } = STT;
export const { LOCAL, GLOBAL, WEAK } = STB;

/** A static function in `.text`, unless said otherwise; `value` continues the section. */
export interface Row {
  readonly name: string;
  readonly size?: number;
  readonly value?: number;
  readonly bind?: number;
  readonly type?: number;
  /** A section's name, or a place that is none. */
  readonly section?: string;
}

/** Opens the block of a source file. */
export interface FileRow {
  readonly file: string;
}

const PLACES = new Set(['undefined', 'absolute', 'common']);

/** The table of a target with these symbols in this order. */
export function tableOf(rows: readonly (Row | FileRow)[], fileName = 'target.ko'): TargetTable {
  const sections = new Map<string, TargetSection>();
  const ends = new Map<string, number>();
  const placeOf = (name: string): TablePlace => {
    if (PLACES.has(name)) return name as TablePlace;
    const section = sections.get(name) ?? { index: sections.size + 1, name, flags: flagsOf(name) };
    sections.set(name, section);
    return section;
  };
  const records = rows.map((row): SymbolRecord => {
    if ('file' in row) {
      return { name: row.file, value: 0n, size: 0, bind: LOCAL, type: STT.FILE, place: 'absolute' };
    }
    const { name, size = 16, bind = LOCAL, type = FUNC } = row;
    const section = row.section ?? (type === OBJECT ? '.data' : '.text');
    const value = row.value ?? ends.get(section) ?? 0;
    ends.set(section, value + Math.ceil(size / 16) * 16);
    return { name, value: BigInt(value), size, bind, type, place: placeOf(section) };
  });
  return new TargetTable(fileName, records);
}

/** An object as gcc makes it with `-ffunction-sections -fdata-sections`: each symbol in a section of its own. */
export function objectOf(source: string | undefined, rows: readonly Row[]): ElfObject {
  const builder = new ObjectBuilder();
  if (source !== undefined) builder.symbol({ name: source, place: 'absolute', type: STT.FILE });
  const sections = new Map<string, ElfSection>();
  for (const { name, size = 16, value = 0, bind = LOCAL, type = FUNC, section } of rows) {
    if (section !== undefined && PLACES.has(section)) {
      builder.symbol({ name, place: section as 'undefined', bind, type, size });
      continue;
    }
    const sectionName = section ?? `${type === OBJECT ? '.data' : '.text'}.${name}`;
    const place =
      sections.get(sectionName) ??
      builder.section({ name: sectionName, type: SHT.PROGBITS, flags: flagsOf(sectionName), size });
    sections.set(sectionName, place);
    builder.symbol({ name, place, value, size, bind, type });
  }
  return builder.build(source === undefined ? 'asm.o' : source.replace(/c$/, 'o'));
}

function flagsOf(section: string): number {
  if (/^\.(?:comment|debug)/.test(section)) return 0;
  return /text/.test(section) ? SHF.ALLOC | SHF.EXECINSTR : SHF.ALLOC;
}
