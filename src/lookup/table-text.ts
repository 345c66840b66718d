/**
 * A target's table as text, and back: for a bundle of a failed build, where the file that the table came from would be too
 * large, as a vmlinux is.
 */
import { STB, STT } from '../elf/constants.js';
import { type SymbolRecord, type TablePlace, type TargetSection, TargetTable } from './symbol-table.js';

/** One symbol; `place` is a word, or the index of a section in the table of sections. */
type Row = [
  name: string,
  value: string,
  size: number,
  room: number | null,
  bind: number,
  type: number,
  place: string | number,
  isBindingUnknown: 0 | 1,
];

interface TableText {
  readonly order: 'link' | 'address';
  readonly sectionNames: readonly string[] | null;
  readonly sections: readonly [index: number, name: string | null, flags: number | null][];
  readonly rows: readonly Row[];
}

/** Everything that a lookup asks of the table. Files without a symbol of their own are left out. */
export function tableText(table: TargetTable): string {
  const sections = new Map<number, TargetSection>();
  const rows: Row[] = [];
  let file = table.symbols[0]?.file;
  const rowOf = ({ name, value, size, room, bind, type, place, isBindingUnknown }: SymbolRecord): Row => {
    if (typeof place !== 'string') sections.set(place.index, place);
    const where = typeof place === 'string' ? place : place.index;
    return [name, value.toString(16), size, room ?? null, bind, type, where, isBindingUnknown === true ? 1 : 0];
  };
  for (const [index, symbol] of table.symbols.entries()) {
    if (symbol.file !== undefined && (index === 0 || symbol.file !== file)) {
      rows.push([symbol.file.name, '0', 0, null, STB.LOCAL, STT.FILE, 'absolute', 0]);
    }
    file = symbol.file;
    rows.push(rowOf(symbol));
  }
  const text: TableText = {
    order: table.order,
    sectionNames: table.sections === undefined ? null : [...table.sections],
    sections: [...sections.values()].map(({ index, name, flags }) => [index, name ?? null, flags ?? null]),
    rows,
  };
  return JSON.stringify(text);
}

/** The table that `tableText` gave; `fileName` is for messages. Throws a SyntaxError for other text. */
export function tableOfText(text: string, fileName: string): TargetTable {
  const { order, sectionNames, sections, rows } = JSON.parse(text) as TableText;
  const places = new Map<string | number, TablePlace>(
    sections.map(([index, name, flags]) => [index, { index, name: name ?? undefined, flags: flags ?? undefined }]),
  );
  const records = rows.map(
    ([name, value, size, room, bind, type, place, isBindingUnknown]): SymbolRecord => ({
      ...{ name, size, bind, type, value: BigInt(`0x${value}`) },
      ...(room === null ? {} : { room }),
      ...(isBindingUnknown === 1 ? { isBindingUnknown: true as const } : {}),
      place: places.get(place) ?? (typeof place === 'string' ? (place as TablePlace) : 'reserved'),
    }),
  );
  return new TargetTable(fileName, records, {
    ...(sectionNames === null ? {} : { sections: new Set(sectionNames) }),
    ...(order === 'address' ? { order } : {}),
  });
}
