/**
 * Which source line an instruction belongs to, from `.debug_line`, where the object has one. Serves the recognition of
 * `__LINE__`: an operand that equals the line of its own statement, on both sides, is no constant of the author's.
 */
import type { ElfSection } from '../elf/object.js';
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
 * Rows by section, in the order of offsets. Empty for a table that cannot be read (compressed, 64-bit DWARF, cut off, or
 * of a version that is not known): debug data help where they are there, and nothing depends on them.
 */
export function readDebugLines(table: ElfSection, byteOrder: 'little' | 'big'): Map<ElfSection, LineRow[]> {
  const rows = new Map<ElfSection, LineRow[]>();
  try {
    new LineTable(table, byteOrder === 'little', rows).read();
  } catch (error) {
    // DataView throws at the end of its bytes.
    if (!(error instanceof RangeError)) throw error;
    return new Map();
  }
  for (const list of rows.values()) list.sort((a, b) => a.offset - b.offset);
  return rows;
}

class LineTable {
  readonly #view: DataView;
  readonly #starts: Map<number, { readonly section: ElfSection; readonly offset: number }>;
  #at = 0;

  constructor(
    table: ElfSection,
    readonly isLittle: boolean,
    readonly rows: Map<ElfSection, LineRow[]>,
  ) {
    const { content } = table;
    this.#view = new DataView(content.buffer, content.byteOffset, content.byteLength);
    this.#starts = new Map(
      table.relocations.flatMap(({ offset, symbol, addend }) =>
        symbol.section === undefined ? [] : [[offset, { section: symbol.section, offset: symbol.value + addend }]],
      ),
    );
  }

  read(): void {
    while (this.#at < this.#view.byteLength) {
      const length = this.#view.getUint32(this.#at, this.isLittle);
      this.#at += 4;
      if (length >= 0xffff_fff0) throw new RangeError('64-bit DWARF');
      const end = this.#at + length;
      this.#readUnit(end);
      this.#at = end;
    }
  }

  #readUnit(end: number): void {
    const version = this.#view.getUint16(this.#at, this.isLittle);
    if (version < 2 || version > 5) throw new RangeError('unknown version');
    this.#at += version >= 5 ? 4 : 2;
    const program = this.#at + 4 + this.#view.getUint32(this.#at, this.isLittle);
    this.#at += 4;
    const step = this.#byte();
    this.#at += version >= 4 ? 2 : 1;
    const lineBase = this.#view.getInt8(this.#at++);
    const [lineRange, opcodeBase] = [this.#byte(), this.#byte()];
    if (lineRange === 0) throw new RangeError('no lines');
    const operands = [0, ...Array.from({ length: Math.max(opcodeBase - 1, 0) }, () => this.#byte())];
    this.#at = program;
    let place: { section: ElfSection; offset: number } | undefined;
    let line = 1;
    const advance = (bytes: number) => {
      if (place !== undefined) place.offset += bytes;
    };
    while (this.#at < end) {
      const opcode = this.#byte();
      if (opcode >= opcodeBase) {
        const adjusted = opcode - opcodeBase;
        advance(Math.floor(adjusted / lineRange) * step);
        line += lineBase + (adjusted % lineRange);
        this.#emit(place, line);
      } else if (opcode === 0) {
        const next = this.#unsigned() + this.#at;
        const extended = this.#byte();
        if (extended === DW_LNE.set_address) {
          const start = this.#starts.get(this.#at);
          place = start && { ...start };
        } else if (extended === DW_LNE.end_sequence) {
          place = undefined;
          line = 1;
        }
        this.#at = next;
      } else if (opcode === DW_LNS.copy) this.#emit(place, line);
      else if (opcode === DW_LNS.advance_pc) advance(this.#unsigned() * step);
      else if (opcode === DW_LNS.advance_line) line += this.#signed();
      else if (opcode === DW_LNS.const_add_pc) advance(Math.floor((255 - opcodeBase) / lineRange) * step);
      else if (opcode === DW_LNS.fixed_advance_pc) {
        advance(this.#view.getUint16(this.#at, this.isLittle));
        this.#at += 2;
      } else for (let count = operands[opcode] ?? 0; count > 0; count--) this.#unsigned();
    }
  }

  #emit(place: { readonly section: ElfSection; readonly offset: number } | undefined, line: number): void {
    if (place === undefined) return;
    const known = this.rows.get(place.section);
    if (known === undefined) this.rows.set(place.section, [{ offset: place.offset, line }]);
    else known.push({ offset: place.offset, line });
  }

  #byte(): number {
    return this.#view.getUint8(this.#at++);
  }

  /** LEB128; only the low 31 bits matter for lines and offsets. */
  #unsigned(): number {
    let [value, shift] = [0, 0];
    for (;;) {
      const byte = this.#byte();
      if (shift < 49) value += (byte & 0x7f) * 2 ** shift;
      shift += 7;
      if (byte < 0x80) return value;
    }
  }

  #signed(): number {
    let [value, shift] = [0, 0];
    for (;;) {
      const byte = this.#byte();
      if (shift < 49) value += (byte & 0x7f) * 2 ** shift;
      shift += 7;
      if (byte < 0x80) return (byte & 0x40) !== 0 && shift <= 49 ? value - 2 ** shift : value;
    }
  }
}

/** The line of the code at an offset of the section, in bytes; `undefined` in front of the first row. */
export function lineAt(rows: readonly LineRow[], offset: number): number | undefined {
  return rows[countBelow(rows, (row) => row.offset <= offset) - 1]?.line;
}
