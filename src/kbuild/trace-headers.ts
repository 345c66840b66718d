/**
 * Where the compiler finds the tracepoint headers of a driver that comes from a kernel tree and is built outside it.
 * Such a header names its folder as seen from the kernel's `include/trace`, where `define_trace.h` includes it a second
 * time: `#define TRACE_INCLUDE_PATH ../../drivers/infiniband/core`. Next to an installed kernel's headers there is no such
 * folder, so one is laid out that leads to the copied tree.
 */
import { mkdir, readFile, rm, symlink } from 'node:fs/promises';
import path from 'node:path';
import { writingError } from '../system/system-error.js';
import { filesBelow } from './tree-files.js';

const tracePath = /^[ \t]*#[ \t]*define[ \t]+TRACE_INCLUDE_PATH[ \t]+\.\.\/\.\.\/([\w+./-]+)[ \t]*$/gm;

/** A folder to be searched for headers (`-I`), and the root that stands in for that of the kernel tree. */
export interface TraceFolder {
  readonly include: string;
  readonly root: string;
}

/**
 * Lays out below `folder` (of the work folder, made anew) what the tracepoint headers of `tree` ask for. Each place gets a
 * root of its own, so that one of them may lie within another: `0/drivers/infiniband/core` is a link to the header's
 * folder in the tree, and `0/include/trace` is the folder to search. Empty for a tree without such headers. Throws
 * `work-folder-unwritable` or `disk-full`.
 */
export async function layOutTraceHeaders(tree: string, folder: string): Promise<TraceFolder[]> {
  const places = await tracePlaces(tree);
  try {
    await rm(folder, { recursive: true, force: true });
    const laidOut: TraceFolder[] = [];
    for (const [index, { place, holder }] of places.entries()) {
      const root = path.join(folder, String(index));
      const include = path.join(root, 'include/trace');
      const link = path.join(root, place);
      await mkdir(include, { recursive: true });
      await mkdir(path.dirname(link), { recursive: true });
      await symlink(path.join(tree, holder), link);
      laidOut.push({ include, root });
    }
    return laidOut;
  } catch (error) {
    throw writingError(error, folder, 'work-folder-unwritable');
  }
}

/** Which place in a kernel tree (`drivers/infiniband/core`) headers name, and the folder of the tree that holds them. */
async function tracePlaces(tree: string): Promise<{ readonly place: string; readonly holder: string }[]> {
  const places = new Map<string, { readonly place: string; readonly holder: string }>();
  for (const header of await filesBelow(tree, (name) => name.endsWith('.h'))) {
    const text = await readFile(path.join(tree, header), 'latin1');
    const holder = path.dirname(header);
    for (const [, place = ''] of text.matchAll(tracePath)) {
      if (isWithinKernelTree(place)) places.set(`${place} ${holder}`, { place: path.normalize(place), holder });
    }
  }
  return [...places.values()];
}

/** Whether the link would lie below its root, and not in the place of the folder that is searched. */
function isWithinKernelTree(place: string): boolean {
  const parts = place.split('/').filter((part) => part !== '' && part !== '.');
  return parts.length > 0 && !parts.includes('..') && parts[0] !== 'include';
}
