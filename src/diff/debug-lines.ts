/**
 * Which source line an instruction belongs to, from `.debug_line`, where the object has one. Serves the recognition of
 * `__LINE__`: an operand that equals the line of its own statement, on both sides, is no constant of the author's.
 */
import { DebugBytes } from '../elf/debug-bytes.js';
import type { ByteOrder, ElfSection } from '../elf/object.js';
import { countBelow } from '../elf/sorted.js';

/** The line from an offset on, in bytes of the section, up to the next row. */
export interface LineRow {
  readonly offset: number;
  readonly line: number;
}

/** DWARF 5, section 6.2.5: standard and extended opcodes of a line number program. */
const DW_LNS = { copy: 1, advance_pc: 2, advance_line: 3, const_add_pc: 8, fixed_advance_pc: 9 } as const;
const DW_LNE = { end_sequence: 1, set_address: 2 } as const;

/**
 * Rows by section, in the order of offsets. Empty for a table that cannot be read (64-bit DWARF, packed by zstd, cut off, or
 * of a version that is not known): debug data help where they are there, and nothing depends on them.
 */
export function readDebugLines(table: ElfSection, byteOrder: ByteOrder): Map<ElfSection, LineRow[]> {
  const rows = new Map<ElfSection, LineRow[]>();
  try {
    new LineTable(table, byteOrder, rows).read();
  } catch (error) {
    // DataView throws at the end of its bytes.
    if (!(error instanceof RangeError)) throw error;
    return new Map();
  }
  for (const list of rows.values()) list.sort((a, b) => a.offset - b.offset);
  return rows;
}

class LineTable {
  readonly #bytes: DebugBytes;

  constructor(
    table: ElfSection,
    byteOrder: ByteOrder,
    readonly rows: Map<ElfSection, LineRow[]>,
  ) {
    this.#bytes = new DebugBytes(table, byteOrder);
  }

  read(): void {
    const bytes = this.#bytes;
    while (bytes.at < bytes.length) {
      const length = bytes.u32();
      if (length >= 0xffff_fff0) throw new RangeError('64-bit DWARF');
      const end = bytes.at + length;
      this.#readUnit(end);
      bytes.at = end;
    }
  }

  #readUnit(end: number): void {
    const bytes = this.#bytes;
    const version = bytes.u16();
    if (version < 2 || version > 5) throw new RangeError('unknown version');
    if (version >= 5) bytes.skip(2);
    const headerLength = bytes.u32();
    const program = bytes.at + headerLength;
    const step = bytes.u8();
    bytes.skip(version >= 4 ? 2 : 1);
    const lineBase = bytes.i8();
    const [lineRange, opcodeBase] = [bytes.u8(), bytes.u8()];
    if (lineRange === 0) throw new RangeError('no lines');
    const operands = [0, ...Array.from({ length: Math.max(opcodeBase - 1, 0) }, () => bytes.u8())];
    bytes.at = program;
    let place: { section: ElfSection; offset: number } | undefined;
    let line = 1;
    const advance = (distance: number) => {
      if (place !== undefined) place.offset += distance;
    };
    while (bytes.at < end) {
      const opcode = bytes.u8();
      if (opcode >= opcodeBase) {
        const adjusted = opcode - opcodeBase;
        advance(Math.floor(adjusted / lineRange) * step);
        line += lineBase + (adjusted % lineRange);
        this.#emit(place, line);
      } else if (opcode === 0) {
        const length = bytes.unsigned();
        const next = bytes.at + length;
        const extended = bytes.u8();
        if (extended === DW_LNE.set_address) {
          const start = bytes.placeOfSize(length - 1);
          place = start && { ...start };
        } else if (extended === DW_LNE.end_sequence) {
          place = undefined;
          line = 1;
        }
        bytes.at = next;
      } else if (opcode === DW_LNS.copy) this.#emit(place, line);
      else if (opcode === DW_LNS.advance_pc) advance(bytes.unsigned() * step);
      else if (opcode === DW_LNS.advance_line) line += bytes.signed();
      else if (opcode === DW_LNS.const_add_pc) advance(Math.floor((255 - opcodeBase) / lineRange) * step);
      else if (opcode === DW_LNS.fixed_advance_pc) advance(bytes.u16());
      else for (let count = operands[opcode] ?? 0; count > 0; count--) bytes.unsigned();
    }
  }

  #emit(place: { readonly section: ElfSection; readonly offset: number } | undefined, line: number): void {
    if (place === undefined) return;
    const known = this.rows.get(place.section);
    if (known === undefined) this.rows.set(place.section, [{ offset: place.offset, line }]);
    else known.push({ offset: place.offset, line });
  }
}

/** The line of the code at an offset of the section, in bytes; `undefined` in front of the first row. */
export function lineAt(rows: readonly LineRow[], offset: number): number | undefined {
  return rows[countBelow(rows, (row) => row.offset <= offset) - 1]?.line;
}
