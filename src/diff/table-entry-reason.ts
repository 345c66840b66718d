/**
 * Shows a change that stands in a table beside the code only (`table-changes.ts`): the place that the entry is for, and the
 * entry on both sides as the bytes and references that it holds. Serves the explanation of changes.
 */
import { hexText } from '../arch/hex-text.js';
import { STT } from '../elf/constants.js';
import type { ElfSymbol, Relocation } from '../elf/object.js';
import type { ChangeReason } from './explain.js';
import type { PreparedObject } from './prepare.js';
import { referenceText } from './reference-text.js';
import { targetOffset } from './section-references.js';
import { type EntryChange, isReplacementCode, type OwnedEntry, replacementOf } from './table-changes.js';

/** The reason for `symbol`, a function of the patched object whose code is the same. */
export function tableEntryReason(
  { original, patched }: { readonly original: PreparedObject; readonly patched: PreparedObject },
  symbol: ElfSymbol,
  change: EntryChange,
): ChangeReason {
  return {
    kind: 'table entry',
    about: change.patched.table.name,
    where: symbol.name,
    offset: placeOf(original, change.original),
    original: entryText(original, change.original),
    patched: entryText(patched, change.patched),
  };
}

/** Bytes from the start of the function to what the entry is for. */
function placeOf(prepared: PreparedObject, { table, entry }: OwnedEntry): number | undefined {
  const place = entry.relocations.find(({ symbol }) => symbol.type === STT.FUNC);
  const target = place && targetOffset(prepared, table, place);
  return place === undefined || target === undefined ? undefined : target - place.symbol.value;
}

/** `00000000 00000000 03030099 f+0x5 {lfence}`: words as the CPU reads them, what they refer to, replacement code in braces. */
function entryText(prepared: PreparedObject, { table, entry }: OwnedEntry): string {
  const reference = (relocation: Relocation) => {
    const { section } = relocation.symbol;
    if (section === undefined || !isReplacementCode(section)) return referenceText(prepared, table, relocation);
    return `{${replacementText(prepared, { table, entry }, relocation)}}`;
  };
  const words = { reference, place: String };
  const text = hexText(4, prepared.object.format.byteOrder);
  return text(table, { offset: entry.offset, length: entry.size }, words);
}

function replacementText(prepared: PreparedObject, { table }: OwnedEntry, relocation: Relocation): string {
  const piece = replacementOf(prepared, table, relocation);
  if (piece === undefined) return '';
  const { section, start, bytes } = piece;
  const words = {
    reference: (inside: Relocation) => referenceText(prepared, section, inside),
    place: (offset: number) => `${offset - start}`,
  };
  return (prepared.arch.instructions(section) ?? [])
    .filter(({ offset }) => offset >= start && offset < start + bytes.length)
    .map((instruction) => prepared.arch.instructionText(section, instruction, words))
    .join('; ');
}
