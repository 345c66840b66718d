/**
 * Whether a symbol of the target has the size of one of the object. For the levels that compare sizes: ELF tables tell
 * them, `System.map` tells addresses only, and from the distance to the next symbol follows what a size cannot be.
 */
import { STT } from '../elf/constants.js';
import type { SymbolRecord } from './symbol-table.js';

/** What aligns functions: 16 bytes on x86-64, and as much again in front of them with CONFIG_CALL_PADDING. */
const MOST_PADDING = 32;

/**
 * By how much a function may be longer in the object: jumps to other functions are short where those lie in the same
 * section, and `-ffunction-sections` gives each one of its own. `ftrace_mod_cmd_init` of Linux 6.1: 17 bytes, and room for 12.
 */
const mostShortened = (size: number) => Math.max(16, size / 4);

interface Sized {
  /** Bytes. */
  readonly size: number;
  /** `STT_*` */
  readonly type: number;
}

/**
 * `equal` also for a function that fills the room up to the next symbol but for padding; data does not count there, since
 * strings and constants without a symbol lie between. `possible` where nothing is known against it.
 */
export function compareSize(
  { size, room, type }: Pick<SymbolRecord, 'size' | 'room' | 'type'>,
  own: Sized,
): 'equal' | 'possible' | 'different' {
  if (room === undefined) return size === own.size ? 'equal' : 'different';
  if (type !== STT.FUNC) return own.size > room ? 'different' : 'possible';
  if (own.size - mostShortened(own.size) > room) return 'different';
  return own.size > 0 && own.size <= room && room - own.size < MOST_PADDING ? 'equal' : 'possible';
}

/** The sizes are known to agree. */
export function hasSizeOf(symbol: Pick<SymbolRecord, 'size' | 'room' | 'type'>, own: Sized): boolean {
  return compareSize(symbol, own) === 'equal';
}

/** For a person: `36 bytes`, `at most 48 bytes`. */
export function describeSize({ size, room }: Pick<SymbolRecord, 'size' | 'room'>): string {
  return room === undefined ? `${size} bytes` : `at most ${room} bytes`;
}
