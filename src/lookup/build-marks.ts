/**
 * What the compiler wrote of itself into an object: its signature in `.comment`, and in debug data the options that it
 * was called with. For the verification, as evidence of why code differs.
 */
import { SHF } from '../elf/constants.js';

export interface BuildMarks {
  /** `GCC: (Debian 12.2.0-14+deb12u1) 12.2.0`, each once; empty where there is none. */
  readonly compilers: readonly string[];
  /** One for each compiled source: its options. Empty without debug data, or where they are compressed. */
  readonly options: readonly (readonly string[])[];
}

interface MarkedSection {
  readonly name: string;
  readonly flags: number;
  readonly content: Uint8Array;
}

/** Ours alone, which the target was never built with, and which change no instruction (see `compare-code.ts`). */
const OWN_OPTIONS = new Set(['-ffunction-sections', '-fdata-sections']);

/**
 * Reads `.comment`, and the texts of `.debug_str` that gcc makes of its options (`-grecord-gcc-switches`, which is on
 * unless it is turned off): `GNU C11 12.2.0 -O2 -mfentry …`.
 */
export function buildMarks(sections: readonly MarkedSection[]): BuildMarks {
  const options = textsOf(sections, '.debug_str').flatMap((text) => {
    const words = /^GNU C\d* \d[^ ]* (?<options>-.*)$/.exec(text)?.groups?.options?.split(' ');
    return words === undefined ? [] : [words.filter((word) => !OWN_OPTIONS.has(word))];
  });
  return { compilers: [...new Set(textsOf(sections, '.comment'))], options };
}

function textsOf(sections: readonly MarkedSection[], wanted: string): string[] {
  const section = sections.find(({ name, flags }) => name === wanted && (flags & SHF.COMPRESSED) === 0);
  if (section === undefined) return [];
  return Buffer.from(section.content)
    .toString('latin1')
    .split('\0')
    .filter((text) => text !== '');
}

/**
 * How the options of the target's sources differ from ours, `-O3` for `-O2`: by the source of the target that is nearest,
 * since its debug data do not say in a few words which of them is the object's. Undefined where nothing differs or
 * nothing is recorded.
 */
export function describeOptions(ours: BuildMarks, theirs: BuildMarks): string | undefined {
  const [own] = ours.options;
  if (own === undefined) return undefined;
  const [nearest] = theirs.options
    .map((other) => ({ only: without(other, own), lacking: without(own, other) }))
    .sort((a, b) => a.only.length + a.lacking.length - (b.only.length + b.lacking.length));
  if (nearest === undefined || nearest.only.length + nearest.lacking.length === 0) return undefined;
  const parts = [
    ...(nearest.only.length > 0 ? [`the target was compiled with ${nearest.only.join(' ')}`] : []),
    ...(nearest.lacking.length > 0 ? [`this build has ${nearest.lacking.join(' ')}`] : []),
  ];
  return parts.join(', ');
}

function without(options: readonly string[], others: readonly string[]): string[] {
  return options.filter((option) => !others.includes(option));
}

/** The compilers of either side, where ours is none of the target's; `undefined` where it is, or nothing is recorded. */
export function describeCompilers(ours: BuildMarks, theirs: BuildMarks): string | undefined {
  if (ours.compilers.length === 0 || theirs.compilers.length === 0) return undefined;
  if (ours.compilers.every((compiler) => theirs.compilers.includes(compiler))) return undefined;
  return `the target was compiled by ${theirs.compilers.join(', ')}, this build by ${ours.compilers.join(', ')}`;
}
