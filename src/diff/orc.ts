/**
 * Stack unwinding data of x86 and loongarch: `.orc_unwind_ip` holds a place a row, `.orc_unwind` what to do there, row by
 * row. The livepatch gets the rows of its functions; without them its stacks are unreliable and a transition may never
 * end (kernel/livepatch/transition.c, klp_check_stack).
 */
import type { EntrySizes } from '../arch/arch.js';
import { diagnose } from '../diagnostics/catalogue.js';
import type { Diagnostic } from '../diagnostics/diagnostic.js';
import { STT } from '../elf/constants.js';
import type { ElfSection, Relocation } from '../elf/object.js';
import type { Inclusion } from './include.js';
import type { PreparedObject } from './prepare.js';
import type { RebuiltTable } from './special-tables.js';

/** Bytes of a place: a 32-bit distance (`orc_ip` in arch/x86/kernel/unwind_orc.c). */
const placeSize = 4;

/**
 * Takes the rows of included functions.
 * @returns the two new tables, none where the object has no ORC data; `table-malformed`, `entry-size-unknown`
 */
export function rebuildOrc(
  patched: PreparedObject,
  inclusion: Inclusion,
  entrySizes: EntrySizes,
): { tables: Map<ElfSection, RebuiltTable>; findings: Diagnostic[] } {
  const tables = new Map<ElfSection, RebuiltTable>();
  const named = (name: string) => patched.object.sections.find((section) => section.name === name);
  const [rows, places] = [named('.orc_unwind'), named('.orc_unwind_ip')];
  if (rows === undefined || places === undefined) return { tables, findings: [] };
  const count = places.content.length / placeSize;
  const rowSize = rowSizeOf(rows, count, entrySizes);
  if (rowSize === undefined) {
    const finding = diagnose('entry-size-unknown', { section: rows.name, setting: 'ORC_STRUCT_SIZE' });
    return { tables, findings: [finding] };
  }
  const isPlaced = places.relocations.every(({ offset }) => offset % placeSize === 0 && offset / placeSize < count);
  if (rows.content.length !== count * rowSize || places.relocations.length !== count || !isPlaced) {
    return { tables, findings: [diagnose('table-malformed', { section: rows.name, offset: rows.content.length })] };
  }
  const kept = places.relocations.filter(
    ({ symbol }) => symbol.type === STT.FUNC && symbol.section !== undefined && inclusion.sections.has(symbol.section),
  );
  const content = new Uint8Array(kept.length * rowSize);
  const relocations: Relocation[] = [];
  kept.forEach((relocation, index) => {
    const from = (relocation.offset / placeSize) * rowSize;
    content.set(rows.content.subarray(from, from + rowSize), index * rowSize);
    relocations.push({ ...relocation, offset: index * placeSize });
    inclusion.symbols.add(relocation.symbol);
  });
  const moved = new Map<number, number>();
  tables.set(rows, { content, relocations: [], moved });
  tables.set(places, { content: new Uint8Array(kept.length * placeSize), relocations, moved });
  for (const section of [rows, places]) {
    if (kept.length > 0) inclusion.sections.add(section);
    else inclusion.sections.delete(section);
  }
  return { tables, findings: [] };
}

/** As given, as declared (newer objtool does), or the bytes divided by the number of places. */
function rowSizeOf({ entrySize, content }: ElfSection, places: number, { ORC_STRUCT_SIZE: given = 0 }: EntrySizes) {
  if (given > 0) return given;
  if (entrySize > 0) return entrySize;
  const size = content.length / places;
  return Number.isInteger(size) && size > 0 ? size : undefined;
}
