/** A patch file as values: what it says, before anybody has looked at the tree that it is for. */

/** How the bytes of a patch file became text; Latin-1 keeps every byte, for files that are not UTF-8. */
export type PatchEncoding = 'utf8' | 'latin1';

export interface Patch {
  /** As the user named it. */
  readonly fileName: string;
  readonly encoding: PatchEncoding;
  /** The lines of the patch file itself, its headers too, ended with CR LF; they are held without the CR. */
  readonly hasCarriageReturns: boolean;
  /** In the patch's order; the same file may come more than once. Never empty. */
  readonly files: readonly PatchedFile[];
}

/** `mode`: only the permissions change. */
export type ChangeKind = 'modified' | 'added' | 'deleted' | 'renamed' | 'copied' | 'mode';

export interface PatchedFile {
  /** As written in the patch, unquoted, with `a/` and the like; `/dev/null` for a file that was not there. */
  readonly oldPath: string;
  /** `/dev/null` for a file that is taken away. */
  readonly newPath: string;
  readonly kind: ChangeKind;
  readonly isBinary: boolean;
  /** Git's six octal digits for what the entry is afterwards (`100644`, `120000` for a link), where the patch tells. */
  readonly mode: string | undefined;
  /** Empty for binary files, for modes, for plain renames, and for empty files that come or go. */
  readonly hunks: readonly Hunk[];
  /** Where the file's part of the patch begins; the first line is 1. */
  readonly lineInPatch: number;
}

export interface Hunk {
  /** Line of the original file at which the hunk begins; with length 0, the line after which it inserts. */
  readonly oldStart: number;
  readonly oldLength: number;
  readonly newStart: number;
  readonly newLength: number;
  /** What follows the second `@@`: the function, as diff guessed it. */
  readonly heading: string;
  readonly lines: readonly HunkLine[];
  /** The `@@` line; the first line of the patch is 1. */
  readonly lineInPatch: number;
}

export interface HunkLine {
  readonly kind: ' ' | '+' | '-';
  /** Without the mark and without the newline. */
  readonly text: string;
  /** False for a file's last line where it has no newline (`\ No newline at end of file`). */
  readonly hasNewline: boolean;
}

/** The lines that the hunk expects in the file. */
export function oldLines(hunk: Hunk): HunkLine[] {
  return hunk.lines.filter(({ kind }) => kind !== '+');
}

/** The lines that the hunk leaves in the file. */
export function newLines(hunk: Hunk): HunkLine[] {
  return hunk.lines.filter(({ kind }) => kind !== '-');
}
