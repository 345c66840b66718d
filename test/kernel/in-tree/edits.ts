/**
 * Patches to a kernel's own source as edits of its text: a word here, a line there, so that they fit whatever the archive
 * has as its newest version, and both series of kernels.
 */
import { execFile } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';

/** A text that stands in the file once, and what the patch makes of it; without `from` the file is new. */
export interface Edit {
  readonly file: string;
  readonly from?: string;
  readonly to: string;
}

/** A source, with what patches have made of its files. */
export interface Source {
  readonly tree: string;
  readonly patched: Map<string, string>;
}

/**
 * The patch that the edits make of the source, which holds it from then on. Throws where one does not fit; `folder` holds both
 * sides.
 */
export async function patchText(source: Source, edits: readonly Edit[], folder: string): Promise<string> {
  const texts = new Map<string, { before: string | undefined; after: string }>();
  for (const { file, from, to } of edits) {
    const before = texts.get(file)?.before ?? (from === undefined ? undefined : await textOf(source, file));
    const text = texts.get(file)?.after ?? before ?? '';
    if (from !== undefined && text.split(from).length !== 2) throw new Error(`${file}: not there once: ${from}`);
    texts.set(file, { before, after: from === undefined ? to : text.replace(from, () => to) });
  }
  for (const [file, { after }] of texts) source.patched.set(file, after);
  const patches: string[] = [];
  for (const [file, { before, after }] of texts) {
    const [old, fresh] = [path.join(folder, 'a', file), path.join(folder, 'b', file)];
    await mkdir(path.dirname(old), { recursive: true });
    await mkdir(path.dirname(fresh), { recursive: true });
    if (before !== undefined) await writeFile(old, before);
    await writeFile(fresh, after);
    const labels = [before === undefined ? '/dev/null' : `a/${file}`, `b/${file}`];
    patches.push(await difference(before === undefined ? '/dev/null' : old, fresh, labels));
  }
  return patches.join('');
}

async function textOf({ tree, patched }: Source, file: string): Promise<string> {
  return patched.get(file) ?? readFile(path.join(tree, file), 'utf8');
}

/** diff ends with 1 where the files differ. */
function difference(old: string, fresh: string, labels: readonly string[]): Promise<string> {
  const words = ['-u', ...labels.flatMap((label) => ['--label', label]), old, fresh];
  return new Promise((resolve, reject) => {
    execFile('diff', words, (error, stdout) => (stdout === '' ? reject(error) : resolve(stdout)));
  });
}
