/**
 * Traces that a configuration leaves in every second function, whatever the source says: calls into the kernel that the
 * compiler adds. Where one build has them and the other has not, the configurations differ. For the verification.
 */
import type { ElfSymbol } from '../elf/object.js';
import { relocationsWithin } from '../elf/relocations-within.js';

/** What the compiler has functions refer to, and the option that makes it. */
const INSTRUMENTS: readonly { readonly pattern: RegExp; readonly option: string }[] = [
  { pattern: /^(?:__fentry__|_?mcount)$/, option: 'CONFIG_FUNCTION_TRACER' },
  { pattern: /^__x86_indirect_thunk_/, option: 'CONFIG_RETPOLINE' },
  { pattern: /^__x86_return_thunk$/, option: 'CONFIG_RETHUNK' },
  { pattern: /^__stack_chk_fail$/, option: 'CONFIG_STACKPROTECTOR' },
  { pattern: /^__sanitizer_cov_/, option: 'CONFIG_KCOV' },
  { pattern: /^__asan_/, option: 'CONFIG_KASAN' },
  { pattern: /^__tsan_/, option: 'CONFIG_KCSAN' },
  { pattern: /^__msan_/, option: 'CONFIG_KMSAN' },
  { pattern: /^__ubsan_/, option: 'CONFIG_UBSAN' },
  { pattern: /^__gcov/, option: 'CONFIG_GCOV_KERNEL' },
];

/** Fewer may come from the source: a buffer that was added has its stack protected. */
const LEAST_FUNCTIONS = 3;

/** How many functions of either side refer to such a thing, by option. */
export type InstrumentCounts = ReadonlyMap<string, { readonly ours: number; readonly theirs: number }>;

export class Instruments {
  readonly #counts = new Map<string, { ours: number; theirs: number }>();

  /** A function and its twin in the target. */
  count(ours: ElfSymbol, theirs: ElfSymbol): void {
    for (const option of optionsOf(ours)) this.#of(option).ours += 1;
    for (const option of optionsOf(theirs)) this.#of(option).theirs += 1;
  }

  counts(): InstrumentCounts {
    return this.#counts;
  }

  #of(option: string): { ours: number; theirs: number } {
    const known = this.#counts.get(option) ?? { ours: 0, theirs: 0 };
    this.#counts.set(option, known);
    return known;
  }
}

function optionsOf({ section, value, size }: ElfSymbol): Set<string> {
  if (section === undefined) return new Set();
  const names = new Set(relocationsWithin(section, value, value + size).map(({ symbol }) => symbol.name));
  const found = INSTRUMENTS.filter(({ pattern }) => [...names].some((name) => pattern.test(name)));
  return new Set(found.map(({ option }) => option));
}

/** The options that only one side has, in words; the counts of several objects are added up. */
export function describeOneSided(all: readonly InstrumentCounts[]): string[] {
  const sums = new Map<string, { ours: number; theirs: number }>();
  for (const counts of all) {
    for (const [option, { ours, theirs }] of counts) {
      const sum = sums.get(option) ?? { ours: 0, theirs: 0 };
      sums.set(option, { ours: sum.ours + ours, theirs: sum.theirs + theirs });
    }
  }
  return [...sums].flatMap(([option, { ours, theirs }]) => {
    if (ours >= LEAST_FUNCTIONS && theirs === 0) return [`${ours} functions show ${option} here, none in the target`];
    if (theirs >= LEAST_FUNCTIONS && ours === 0) return [`${theirs} functions of the target show ${option}, none here`];
    return [];
  });
}
