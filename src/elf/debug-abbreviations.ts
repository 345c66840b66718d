/** The kinds of entries of `.debug_info`, from `.debug_abbrev`: which attributes they have, in which forms (DWARF 5, section 7.5.3). */
import type { DebugBytes } from './debug-bytes.js';
import { DW_FORM } from './debug-constants.js';

/** The kind of an entry: which attributes it has, and in which forms. */
export interface Abbreviation {
  readonly tag: number;
  readonly hasChildren: boolean;
  readonly attributes: readonly AttributeForm[];
  /** Bytes of all attributes together, where every entry of the kind has as many. */
  readonly size: number | undefined;
}

export interface AttributeForm {
  readonly attribute: number;
  readonly form: number;
  /** Of `DW_FORM_implicit_const`. */
  readonly constant: number;
  /** In bytes; `undefined` where every entry has its own. */
  readonly size: number | undefined;
}

/** What a unit says of the sizes of its forms, in bytes. */
export interface UnitSizes {
  readonly version: number;
  readonly offsetSize: number;
  readonly addressSize: number;
}

/** Compilers write some twenty. An entry of one byte may name them all, so that there must be a limit. */
const MOST_ATTRIBUTES = 100;
/** Units share their abbreviations; a file made to exhaust us names the same ones from another offset each time. */
const MOST_SHARING = 16;

export class Abbreviations {
  readonly #tables = new Map<string, Map<number, Abbreviation>>();
  readonly #bytes: DebugBytes;
  #read = 0;

  constructor(bytes: DebugBytes) {
    this.#bytes = bytes;
  }

  /** By code, the kinds of a unit that names this offset in bytes. Throws RangeError for what cannot be one. */
  tableAt(offset: number, sizes: UnitSizes): Map<number, Abbreviation> {
    const key = [offset, ...Object.values(sizes)].join();
    const known = this.#tables.get(key);
    if (known !== undefined) return known;
    const bytes = this.#bytes;
    bytes.at = offset;
    const table = new Map<number, Abbreviation>();
    for (let code = bytes.unsigned(); code !== 0; code = bytes.unsigned()) {
      const tag = bytes.unsigned();
      const hasChildren = bytes.u8() !== 0;
      const attributes = readForms(bytes, sizes);
      const all = attributes.reduce<number | undefined>((sum, { size }) => add(sum, size), 0);
      table.set(code, { tag, hasChildren, attributes, size: all });
    }
    this.#tables.set(key, table);
    this.#read += bytes.at - offset;
    if (this.#read > MOST_SHARING * bytes.length) throw new RangeError('abbreviations without end');
    return table;
  }
}

function readForms(bytes: DebugBytes, sizes: UnitSizes): AttributeForm[] {
  const forms: AttributeForm[] = [];
  for (;;) {
    const [attribute, form] = [bytes.unsigned(), bytes.unsigned()];
    const constant = form === DW_FORM.implicit_const ? bytes.signed() : 0;
    if (attribute === 0 && form === 0) return forms;
    if (forms.length >= MOST_ATTRIBUTES) throw new RangeError('attributes without end');
    forms.push({ attribute, form, constant, size: formSize(form, sizes) });
  }
}

function add(sum: number | undefined, size: number | undefined): number | undefined {
  return sum === undefined || size === undefined ? undefined : sum + size;
}

/** Bytes of the forms that take as many everywhere. */
const formSizes: ReadonlyMap<number, number> = new Map([
  ...[DW_FORM.flag_present, DW_FORM.implicit_const].map((form) => [form, 0] as const),
  ...[DW_FORM.data1, DW_FORM.flag, DW_FORM.ref1, DW_FORM.strx1, DW_FORM.addrx1].map((form) => [form, 1] as const),
  ...[DW_FORM.data2, DW_FORM.ref2, DW_FORM.strx2, DW_FORM.addrx2].map((form) => [form, 2] as const),
  ...[DW_FORM.strx3, DW_FORM.addrx3].map((form) => [form, 3] as const),
  ...[DW_FORM.data4, DW_FORM.ref4, DW_FORM.ref_sup4, DW_FORM.strx4, DW_FORM.addrx4].map((form) => [form, 4] as const),
  ...[DW_FORM.data8, DW_FORM.ref8, DW_FORM.ref_sig8, DW_FORM.ref_sup8].map((form) => [form, 8] as const),
  [DW_FORM.data16, 16],
]);

/** Of a form, in bytes; some are as long as an address or an offset of the unit. */
export function formSize(form: number, { version, offsetSize, addressSize }: UnitSizes): number | undefined {
  if (form === DW_FORM.addr) return addressSize;
  if (form === DW_FORM.ref_addr) return version <= 2 ? addressSize : offsetSize;
  const isOffset = form === DW_FORM.strp || form === DW_FORM.line_strp || form === DW_FORM.strp_sup;
  return isOffset || form === DW_FORM.sec_offset ? offsetSize : formSizes.get(form);
}
