/** Whether two texts of code say the same, up to where it was compiled. For the comparison of code. */

/** `__FILE__` has the path that the source had when it was compiled: `/build/ib_mad/cm.c:17` and `cm.c:17` say the same. */
export function isSameText(one: string, other: string): boolean {
  return one === other || withoutFolders(one) === withoutFolders(other);
}

function withoutFolders(text: string): string {
  return text.replaceAll(/[\w.+~/-]+/g, (word) =>
    /\.[chS]$/.test(word) ? word.slice(word.lastIndexOf('/') + 1) : word,
  );
}
