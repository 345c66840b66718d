/**
 * Names that carry a number of the compiler's or the preprocessor's. The number is the same only in the same build of the same
 * source: for whoever compares symbols of two builds.
 */

/** What carries such a number, and what stands for it in the stem. */
const DRIFTING_NAMES: readonly { readonly pattern: RegExp; readonly stem: string }[] = [
  // `__UNIQUE_ID_license195`: `__COUNTER__` of the preprocessor, by __UNIQUE_ID() in include/linux/compiler.h.
  { pattern: /^(__UNIQUE_ID_.*?)\d+$/, stem: '$1#' },
  // `__func__.3`, `_entry_ptr.2`, `CSWTCH.8`, `send.constprop.0.isra.1`: gcc counts static locals, compound literals, switch
  // tables and clones per name and translation unit.
  { pattern: /\.\d+(?=\.|$)/g, stem: '.#' },
  // `cm_destroy.cold.7`: gcc up to 9 numbered cold parts, later ones do not.
  { pattern: /\.cold\.#$/, stem: '.cold' },
];

/**
 * The name with `#` for every number that may drift: `n.#` for `n.4`, `send.isra.#` for `send.isra.0`, and the name itself
 * where it carries none.
 */
export function stemOf(name: string): string {
  return DRIFTING_NAMES.reduce((stem, { pattern, stem: replacement }) => stem.replace(pattern, replacement), name);
}

/** The same name may stand for something else in another build. */
export function isDrifting(name: string): boolean {
  return stemOf(name) !== name;
}

/** The name may have a number in another build, or none: `cm_destroy.cold` of one compiler is `cm_destroy.cold.7` of another. */
export function mayDrift(name: string): boolean {
  return isDrifting(name) || name.endsWith('.cold');
}
