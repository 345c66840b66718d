/** What a person calls the thing that a relocation refers to. */
import { dereference, slotConstant } from '../arch/indirection.js';
import { SHF, STT } from '../elf/constants.js';
import type { ElfSection, Relocation } from '../elf/object.js';
import { isLiteralLabel } from './names.js';
import type { PreparedObject } from './prepare.js';

/** Longer strings are cut; in characters. Messages are shorter, and a cut could hide what differs. */
const longestString = 1000;

/**
 * `agents+0x10`: the symbol and how far behind it, counted from the place that is meant rather than from the end of the
 * instruction. A string or constant of a pool has no lasting name or place and is shown itself: `"agent %d\n"`.
 */
export function referenceText(prepared: PreparedObject, section: ElfSection, relocation: Relocation): string {
  const { arch } = prepared;
  const meant = dereference(arch, relocation);
  if (meant === undefined) return `constant ${slotConstant(relocation)}`;
  const bias = meant === relocation ? (arch.targetBias(section, relocation) ?? 0) : 0;
  const distance = meant.addend + bias;
  const { symbol } = meant;
  return literalText(meant, symbol.value + distance) ?? distanceText(nameOf(meant), distance);
}

function nameOf({ symbol }: Relocation): string {
  return symbol.type === STT.SECTION ? (symbol.section?.name ?? '') : symbol.name;
}

function distanceText(name: string, distance: number): string {
  if (distance === 0) return name;
  return `${name}${distance < 0 ? '-' : '+'}0x${Math.abs(distance).toString(16)}`;
}

function literalText({ symbol }: Relocation, offset: number): string | undefined {
  const pool = symbol.section;
  if (pool === undefined || (symbol.type !== STT.SECTION && !isLiteralLabel(symbol))) return undefined;
  if ((pool.flags & SHF.MERGE) === 0 || offset < 0 || offset >= pool.content.length) return undefined;
  if ((pool.flags & SHF.STRINGS) === 0) {
    if (pool.entrySize === 0) return undefined;
    return `constant ${Buffer.from(pool.content.subarray(offset, offset + pool.entrySize)).toString('hex')}`;
  }
  const end = pool.content.indexOf(0, offset);
  const text = Buffer.from(pool.content.subarray(offset, end < 0 ? undefined : end)).toString('latin1');
  const isLong = text.length > longestString;
  return `${JSON.stringify(isLong ? text.slice(0, longestString) : text)}${isLong ? '...' : ''}`;
}
