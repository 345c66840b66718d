/**
 * The layout of the intermediate sections, kpatch's (kpatch-build/kpatch-intermediate.h and kmod/patch/kpatch-patch.h),
 * so that a diffed object of either tool can go through the other. Bytes; every field stands in the object's own byte
 * order, and every pointer is a relocation by the CPU's absolute 64-bit type.
 */
import type { CallbackKind } from '../diff/callbacks.js';

/** One function to redirect. */
export const FUNCS = {
  section: '.kpatch.funcs',
  entrySize: 56,
  /** Pointer to the new function. */
  newAddress: 0,
  newSize: 8,
  oldAddress: 16,
  oldSize: 24,
  sympos: 32,
  /** Pointer to a string, as is `object` in all tables. */
  name: 40,
  object: 48,
} as const;

/** What one livepatch relocation refers to. */
export const SYMBOLS = {
  section: '.kpatch.symbols',
  entrySize: 40,
  address: 0,
  sympos: 8,
  /** One byte each, then six of padding. */
  bind: 16,
  type: 17,
  name: 24,
  object: 32,
} as const;

/** One livepatch relocation. */
export const RELOCATIONS = {
  section: '.kpatch.relocations',
  entrySize: 40,
  /** Pointer to the place that is relocated. */
  place: 0,
  /** Four bytes each. */
  type: 8,
  isExternal: 12,
  addend: 16,
  object: 24,
  /** Pointer to an entry of `.kpatch.symbols`. */
  symbol: 32,
} as const;

/** One section that a kernel before 5.8 must process late. */
export const ARCH_SECTIONS = {
  section: '.kpatch.arch',
  entrySize: 16,
  /** Pointer to the section. */
  target: 0,
  object: 8,
} as const;

/** One callback of the author's (kmod/patch/kpatch-macros.h). */
export const CALLBACKS = {
  entrySize: 16,
  /** Pointer to the function. */
  function: 0,
  object: 8,
} as const;

export const callbackSections: Readonly<Record<CallbackKind, string>> = {
  pre_patch: '.kpatch.callbacks.pre_patch',
  post_patch: '.kpatch.callbacks.post_patch',
  pre_unpatch: '.kpatch.callbacks.pre_unpatch',
  post_unpatch: '.kpatch.callbacks.post_unpatch',
};

/** Pointers to functions that the author marked with `KPATCH_FORCE_UNSAFE`; no kernel that kptool builds for asks. */
export const FORCE_SECTION = '.kpatch.force';

/** Zero-terminated strings, to which the other sections point. */
export const STRINGS_SECTION = '.kpatch.strings';

/** Bytes; the sections hold pointers. */
export const TABLE_ALIGNMENT = 8;

const knownSections = new Set<string>([
  FUNCS.section,
  SYMBOLS.section,
  RELOCATIONS.section,
  ARCH_SECTIONS.section,
  STRINGS_SECTION,
  ...Object.values(callbackSections),
  FORCE_SECTION,
]);

/** The section belongs to the intermediate format of either tool, such as `.kpatch.callbacks.pre_patch`. */
export function isIntermediateSection(name: string): boolean {
  return name.startsWith('.kpatch.');
}

/** The section is one that `decodeIntermediate` reads or may leave aside. */
export function isKnownIntermediateSection(name: string): boolean {
  return knownSections.has(name);
}
