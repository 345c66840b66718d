/**
 * The entries of `.debug_info`, read one by one where somebody asks for them: DWARF 2 to 5 as gcc and clang write them into
 * relocatable objects. What an entry means, its readers say.
 */
import { type Abbreviation, Abbreviations, formSize } from './debug-abbreviations.js';
import { DebugBytes, type SectionPlace } from './debug-bytes.js';
import { DW_AT, DW_FORM, DW_OP, DW_UT } from './debug-constants.js';
import type { ElfObject, ElfSection } from './object.js';

/** Offsets are bytes from the start of `.debug_info`. */
export interface DebugEntry {
  readonly offset: number;
  readonly unit: DebugUnit;
  readonly abbreviation: Abbreviation;
  /** `DW_TAG_*` */
  readonly tag: number;
  readonly hasChildren: boolean;
  /** Where its attributes begin, and where the next entry does: the first child, where there are any. */
  readonly start: number;
  readonly end: number;
}

/** A number or an offset; a text; a place in the object. */
export type DebugValue = number | string | SectionPlace;

export interface DebugUnit {
  readonly offset: number;
  /** Where the next unit begins. */
  readonly end: number;
  /** The unit's own entry. */
  readonly first: number;
  readonly version: number;
  /** 4 or 8 bytes. */
  readonly offsetSize: number;
  readonly addressSize: number;
  readonly abbreviations: ReadonlyMap<number, Abbreviation>;
  /** Where the unit's parts of `.debug_str_offsets` and `.debug_addr` begin. */
  readonly stringOffsets: number;
  readonly addresses: number;
}

export class DebugEntries {
  readonly units: readonly DebugUnit[];
  readonly #info: DebugBytes;
  readonly #abbreviations: Abbreviations;
  readonly #strings: DebugBytes | undefined;
  readonly #lineStrings: DebugBytes | undefined;
  readonly #stringOffsets: DebugBytes | undefined;
  readonly #addresses: DebugBytes | undefined;

  /**
   * @throws RangeError where the object has none (also where they are in a `.dwo` file), or they cannot be read; so does
   *   every method
   */
  constructor({ sections, format }: Pick<ElfObject, 'sections' | 'format'>) {
    const find = (name: string) => {
      const [first, second] = sections.filter((section) => section.name === name);
      // Of types that stand in groups of their own (`-fdebug-types-section`).
      if (second !== undefined) throw new RangeError(`several sections ${name}`);
      return first;
    };
    const read = (section: ElfSection | undefined) => section && new DebugBytes(section, format.byteOrder);
    const [info, abbreviations] = [read(find('.debug_info')), read(find('.debug_abbrev'))];
    if (info === undefined || abbreviations === undefined) throw new RangeError('no debug data');
    this.#info = info;
    this.#abbreviations = new Abbreviations(abbreviations);
    this.#strings = read(find('.debug_str'));
    this.#lineStrings = read(find('.debug_line_str'));
    this.#stringOffsets = read(find('.debug_str_offsets'));
    this.#addresses = read(find('.debug_addr'));
    this.units = this.#readUnits();
  }

  /** The entry at an offset that an attribute or another entry gave. */
  at(offset: number): DebugEntry {
    const unit = this.#unitOf(offset);
    const entry = this.#read(offset, unit);
    if (entry === undefined) throw new RangeError('the end of a list of entries');
    return entry;
  }

  /** The entries one level below, in order. */
  *children(parent: DebugEntry): Generator<DebugEntry> {
    if (!parent.hasChildren) return;
    for (let at = parent.end; ; ) {
      const entry = this.#read(at, parent.unit);
      if (entry === undefined) return;
      yield entry;
      at = this.#behind(entry);
    }
  }

  /** All entries below, each with the number of levels that it is below `parent`, from 1. */
  *descendants(parent: DebugEntry): Generator<{ readonly entry: DebugEntry; readonly depth: number }> {
    if (!parent.hasChildren) return;
    let depth = 1;
    for (let at = parent.end; depth > 0; ) {
      const entry = this.#read(at, parent.unit);
      if (entry === undefined) {
        depth -= 1;
        at += 1;
      } else {
        yield { entry, depth };
        if (entry.hasChildren) depth += 1;
        at = entry.end;
      }
    }
  }

  /** A number, a reference as the offset that it means, or 1 for a flag. `attribute` is one of `DW_AT_*`, here and below. */
  number(entry: DebugEntry, attribute: number): number | undefined {
    const value = this.#attribute(entry, attribute);
    return typeof value === 'number' ? value : undefined;
  }

  text(entry: DebugEntry, attribute: number): string | undefined {
    const value = this.#attribute(entry, attribute);
    return typeof value === 'string' ? value : undefined;
  }

  place(entry: DebugEntry, attribute: number): SectionPlace | undefined {
    const value = this.#attribute(entry, attribute);
    return typeof value === 'object' ? value : undefined;
  }

  has({ abbreviation }: DebugEntry, attribute: number): boolean {
    return abbreviation.attributes.some((known) => known.attribute === attribute);
  }

  #attribute(entry: DebugEntry, wanted: number): DebugValue | undefined {
    this.#info.at = entry.start;
    for (const { attribute, form, constant, size } of entry.abbreviation.attributes) {
      if (attribute === wanted) return this.#value(form, constant, size, entry.unit);
      this.#pass(form, size, entry.unit);
    }
    return undefined;
  }

  /** Where the entry behind it and all that is below it begins. */
  #behind(entry: DebugEntry): number {
    let at = this.#known(entry);
    for (let depth = at === undefined ? 1 : 0; depth > 0; ) {
      at ??= entry.end;
      const below = this.#read(at, entry.unit);
      const known = below && this.#known(below);
      if (below === undefined) depth -= 1;
      else if (known === undefined) depth += 1;
      at = below === undefined ? at + 1 : (known ?? below.end);
    }
    return at ?? entry.end;
  }

  /** The same, where the entry says so: gcc writes it for all that have children, clang never does. */
  #known(entry: DebugEntry): number | undefined {
    if (!entry.hasChildren) return entry.end;
    const sibling = this.number(entry, DW_AT.sibling);
    return sibling !== undefined && sibling >= entry.end ? sibling : undefined;
  }

  #unitOf(offset: number): DebugUnit {
    const unit = this.units.find(({ first, end }) => offset >= first && offset < end);
    if (unit === undefined) throw new RangeError('an offset in no unit');
    return unit;
  }

  #readUnits(): DebugUnit[] {
    const units: DebugUnit[] = [];
    for (let offset = 0; offset < this.#info.length; ) {
      const unit = this.#readUnit(offset);
      units.push(unit);
      offset = unit.end;
    }
    return units;
  }

  /** The header (DWARF 5, section 7.5.1; in version 4 and before it names no type and ends with the size of an address). */
  #readUnit(offset: number): DebugUnit {
    const info = this.#info;
    info.at = offset;
    const short = info.u32();
    const offsetSize = short === 0xffff_ffff ? 8 : 4;
    const length = offsetSize === 8 ? info.u64() : short;
    const end = info.at + length;
    const version = info.u16();
    if (end > info.length || version < 2 || version > 5) throw new RangeError('a unit of another kind');
    const type = version >= 5 ? info.u8() : DW_UT.compile;
    let addressSize = version >= 5 ? info.u8() : 0;
    const table = info.offsetOfSize(offsetSize);
    if (version < 5) addressSize = info.u8();
    if (type === DW_UT.skeleton || type === DW_UT.split_compile) info.skip(8);
    if (type === DW_UT.type || type === DW_UT.split_type) info.skip(8 + offsetSize);
    const first = info.at;
    const sizes = { version, offsetSize, addressSize };
    const unit = { offset, end, first, ...sizes, abbreviations: this.#abbreviations.tableAt(table, sizes) };
    const own = { stringOffsets: 0, addresses: 0, ...unit };
    const entry = this.#read(first, own);
    if (entry === undefined || this.has(entry, DW_AT.dwo_name) || this.has(entry, DW_AT.GNU_dwo_name)) {
      throw new RangeError('entries in another file');
    }
    const baseOf = (attribute: number) => this.number(entry, attribute) ?? 0;
    return { ...unit, stringOffsets: baseOf(DW_AT.str_offsets_base), addresses: baseOf(DW_AT.addr_base) };
  }

  /** `undefined` for the zero byte that ends a list of siblings. */
  #read(offset: number, unit: DebugUnit): DebugEntry | undefined {
    if (offset < unit.first || offset >= unit.end) throw new RangeError('an entry outside of its unit');
    const info = this.#info;
    info.at = offset;
    const code = info.unsigned();
    if (code === 0) return undefined;
    const abbreviation = unit.abbreviations.get(code);
    if (abbreviation === undefined) throw new RangeError('an entry without abbreviation');
    const start = info.at;
    if (abbreviation.size !== undefined) info.skip(abbreviation.size);
    else for (const { form, size } of abbreviation.attributes) this.#pass(form, size, unit);
    const { tag, hasChildren } = abbreviation;
    return { offset, unit, abbreviation, tag, hasChildren, start, end: info.at };
  }

  #pass(form: number, size: number | undefined, unit: DebugUnit): void {
    const info = this.#info;
    if (size !== undefined) info.skip(size);
    else if (form === DW_FORM.string) info.passText();
    else this.#value(form, 0, size, unit);
  }

  /** What stands there in this form; `undefined` for what nobody reads. */
  #value(form: number, constant: number, size: number | undefined, unit: DebugUnit): DebugValue | undefined {
    const info = this.#info;
    switch (form) {
      case DW_FORM.addr:
        return info.placeOfSize(unit.addressSize) ?? 0;
      case DW_FORM.strp:
        return this.#strings?.textAt(info.offsetOfSize(unit.offsetSize));
      case DW_FORM.line_strp:
        return this.#lineStrings?.textAt(info.offsetOfSize(unit.offsetSize));
      case DW_FORM.string:
        return info.text();
      case DW_FORM.ref1:
      case DW_FORM.ref2:
      case DW_FORM.ref4:
      case DW_FORM.ref8:
        return unit.offset + info.ofSize(size ?? 0);
      case DW_FORM.ref_udata:
        return unit.offset + info.unsigned();
      case DW_FORM.ref_addr:
      case DW_FORM.sec_offset:
        return info.offsetOfSize(size ?? 0);
      case DW_FORM.flag_present:
        return 1;
      case DW_FORM.implicit_const:
        return constant;
      case DW_FORM.udata:
        return info.unsigned();
      case DW_FORM.sdata:
        return info.signed();
      case DW_FORM.data1:
      case DW_FORM.data2:
      case DW_FORM.data4:
      case DW_FORM.data8:
      case DW_FORM.flag:
        return info.ofSize(size ?? 0);
      case DW_FORM.strx:
        return this.#indexedText(info.unsigned(), unit);
      case DW_FORM.strx1:
      case DW_FORM.strx2:
      case DW_FORM.strx3:
      case DW_FORM.strx4:
        return this.#indexedText(info.ofSize(size ?? 0), unit);
      case DW_FORM.addrx:
        return this.#indexedPlace(info.unsigned(), unit);
      case DW_FORM.addrx1:
      case DW_FORM.addrx2:
      case DW_FORM.addrx3:
      case DW_FORM.addrx4:
        return this.#indexedPlace(info.ofSize(size ?? 0), unit);
      case DW_FORM.loclistx:
      case DW_FORM.rnglistx:
        return info.unsigned();
      case DW_FORM.exprloc:
      case DW_FORM.block:
        return this.#block(info.unsigned(), unit);
      case DW_FORM.block1:
        return this.#block(info.u8(), unit);
      case DW_FORM.block2:
        return this.#block(info.u16(), unit);
      case DW_FORM.block4:
        return this.#block(info.u32(), unit);
      case DW_FORM.indirect: {
        const meant = info.unsigned();
        if (meant === DW_FORM.indirect || meant === DW_FORM.implicit_const) throw new RangeError('a form of no form');
        return this.#value(meant, 0, formSize(meant, unit), unit);
      }
      default:
        // Of another file, or of a kind that is not known.
        if (size === undefined) throw new RangeError('an unknown form');
        info.skip(size);
        return undefined;
    }
  }

  /** Of a location or an offset that is one operation, what it gives: an address in the object, or a number of bytes. */
  #block(length: number, unit: DebugUnit): DebugValue | undefined {
    const info = this.#info;
    const end = info.at + length;
    let value: DebugValue | undefined;
    if (length > 1) {
      const operation = info.u8();
      if (operation === DW_OP.addr && length === 1 + unit.addressSize) value = info.placeOfSize(unit.addressSize);
      if (operation === DW_OP.addrx) value = this.#indexedPlace(info.unsigned(), unit);
      if (operation === DW_OP.plus_uconst) value = info.unsigned();
    }
    info.at = end;
    info.skip(0);
    return value;
  }

  #indexedText(index: number, { stringOffsets, offsetSize }: DebugUnit): string | undefined {
    const offsets = this.#stringOffsets;
    if (offsets === undefined) return undefined;
    offsets.at = stringOffsets + index * offsetSize;
    return this.#strings?.textAt(offsets.offsetOfSize(offsetSize));
  }

  #indexedPlace(index: number, { addresses, addressSize }: DebugUnit): SectionPlace | number {
    const table = this.#addresses;
    if (table === undefined) return 0;
    table.at = addresses + index * addressSize;
    return table.placeOfSize(addressSize) ?? 0;
  }
}
