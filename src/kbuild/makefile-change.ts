/**
 * What a changed makefile means for the objects of a kernel: lists name new ones and leave the others alone, anything else may
 * be a flag, with which every object of the folder can come out otherwise.
 */
import path from 'node:path';
import { withoutComments } from './tree-files.js';

/** A makefile before and after the patch; `undefined` where it is not there. */
export interface MakefileTexts {
  readonly original: string | undefined;
  readonly patched: string | undefined;
}

/** Which sources of the tree a changed makefile may make another object of. */
export type MakefileReach =
  /** Of the objects that the lists gained or lost; paths in the tree. */
  | { readonly kind: 'listed'; readonly sources: readonly string[] }
  /** All in its folder, and those below it where a flag says `subdir-`. */
  | { readonly kind: 'folder'; readonly folder: string; readonly isBelowToo: boolean }
  /** It is one that every object is built with: `scripts/Makefile.lib`, `arch/x86/Makefile`. */
  | { readonly kind: 'all' };

/** `proc-y += new.o`, `obj-$(CONFIG_EXT4_FS) += ext4.o`, `obj-y += sub/`: lists, as long as only names are in them. */
const listLine =
  /^(?!(?:\S*flags|always|extra|targets|hostprogs|userprogs)\b)[\w.-]+-(?:y|m|objs|\$\(CONFIG_\w+\))\s*[+:]?=((?:\s*[\w./-]+(?:\.o|\/))*)\s*$/;

export function reachOfMakefile(file: string, { original = '', patched = '' }: MakefileTexts): MakefileReach {
  const folder = path.posix.dirname(file);
  if (!/^(Makefile|Kbuild)$/.test(path.posix.basename(file))) return { kind: 'all' };
  const [before, after] = [linesOf(original), linesOf(patched)];
  const others = (lines: readonly string[]) => lines.filter((line) => !listLine.test(line)).join('\n');
  // Lists between the same other lines: under the same conditions, with the same flags.
  if (others(before) === others(after)) return { kind: 'listed', sources: changedObjects(folder, before, after) };
  if (/^(?:\.|scripts(?:\/.*)?|arch\/[^/]+)$/.test(folder)) return { kind: 'all' };
  return { kind: 'folder', folder, isBelowToo: /\bsubdir-(?:cc|as)flags/.test(original + patched) };
}

/** As make joins them, without comments and empty ones. */
function linesOf(text: string): string[] {
  const lines = withoutComments(text)
    .replaceAll(/\s*\\\n\s*/g, ' ')
    .split('\n');
  return lines.map((line) => line.trim()).filter((line) => line !== '');
}

/** Named by one more or one less list line than before. */
function changedObjects(folder: string, before: readonly string[], after: readonly string[]): string[] {
  const [old, fresh] = [before, after].map(objectsOf);
  const names = new Set([...(old?.keys() ?? []), ...(fresh?.keys() ?? [])]);
  const changed = [...names].filter((name) => old?.get(name) !== fresh?.get(name));
  return changed.map((name) => path.posix.join(folder, name.replace(/\.o$/, '.c'))).sort();
}

/** By object, the lists that it is in: `proc-y`. */
function objectsOf(lines: readonly string[]): Map<string, string> {
  const lists = new Map<string, string>();
  for (const line of lines) {
    const names = listLine.exec(line)?.[1]?.trim().split(/\s+/) ?? [];
    const list = /^[^\s:+=]+/.exec(line)?.[0] ?? '';
    for (const name of names.filter((word) => word.endsWith('.o'))) {
      lists.set(name, `${lists.get(name) ?? ''} ${list}`);
    }
  }
  return lists;
}
