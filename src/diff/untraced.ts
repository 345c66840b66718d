/** Why a function has no ftrace entry, as far as its object tells; for the advice to the patch's author. */
import { STB, STT } from '../elf/constants.js';
import type { ElfSection, ElfSymbol } from '../elf/object.js';
import { isInitSection } from './names.js';
import type { PreparedObject } from './prepare.js';

export type UntracedReason = 'section' | 'object' | 'perhaps inline' | 'notrace';

/**
 * Sections for code that must not be traced, since tracing needs it, or the CPU is not ready for it: `noinstr`, `__cpuidle`,
 * entry code, `__kprobes` (include/asm-generic/vmlinux.lds.h, NOINSTR_TEXT and its neighbours; include/linux/compiler_types.h).
 */
const UNTRACED_SECTIONS = /^\.(noinstr|entry|cpuidle|kprobes|irqentry|softirqentry|spinlock)\.text\b/;

export function isUntracedSection({ name }: ElfSection): boolean {
  return UNTRACED_SECTIONS.test(name);
}

/**
 * Decides it for `symbol` of the original object, which has no entry:
 *
 * 1. By its section: `.noinstr.text`.
 * 2. No function of the object has one: a `lib-y` object, or one that a makefile compiles without `CC_FLAGS_FTRACE`.
 * 3. A static function may be an `inline` one that was not inlined; `inline` implies `notrace` (include/linux/compiler_types.h).
 * 4. A global one is `notrace` itself.
 */
export function whyUntraced(symbol: ElfSymbol, { object, arch }: PreparedObject): UntracedReason {
  if (symbol.section !== undefined && isUntracedSection(symbol.section)) return 'section';
  const others = object.symbols.filter((other) => {
    return other.type === STT.FUNC && other.section !== undefined && !isInitSection(other.section);
  });
  if (others.every((other) => arch.traceOffset(other) === undefined)) return 'object';
  return symbol.bind === STB.LOCAL ? 'perhaps inline' : 'notrace';
}
