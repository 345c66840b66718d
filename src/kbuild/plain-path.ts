/**
 * Whether make and the shells of its recipes take a path of the tree for what it is. Paths come out of patches, which may be
 * anybody's: of `fs/$(shell id)/a.c` make would run the middle, and `-Cx.c` it would read as an option.
 */
export function isPlainPath(file: string): boolean {
  return /^[\w.,+@/\u0080-\u{10ffff}-]+$/u.test(file) && !file.startsWith('-');
}
