/**
 * Which functions of the running kernel must not be called through a pointer: on kernels with indirect branch tracking
 * (IBT) objtool lists in `.ibt_endbr_seal` every ENDBR of which no address is taken, and the kernel overwrites these when
 * it starts or loads the module (apply_seal_endbr in arch/x86/kernel/alternative.c). An indirect call that lands there
 * stops the task.
 */
import { access, readFile } from 'node:fs/promises';
import path from 'node:path';
import { type ElfImage, readImage } from '../elf/image.js';
import { readElf } from '../elf/read.js';
import { kernelInBootImage } from './boot-image.js';

const sealSection = '.ibt_endbr_seal';
/** Bytes of an entry: the distance from itself to the ENDBR. */
const entrySize = 4;

/** Where a function begins, as the target's symbol table has it. */
export interface FunctionPlace {
  /** Name of the section, for a module. */
  readonly section?: string;
  /** Address (vmlinux) or section offset (module). */
  readonly address: bigint;
}

export interface SealList {
  has(place: FunctionPlace): boolean;
}

/** What the kernel seals of a module; the module has to be the one that runs, as the kernel's own build linked it. */
export function sealsOfModule(image: ElfImage): SealList {
  const isSealing = image.sections.some(({ name }) => name === sealSection);
  const sections = isSealing ? readElf(image.bytes, image.fileName).sections : [];
  const places = new Set(
    sections
      .filter(({ name }) => name === sealSection)
      .flatMap(({ relocations }) => relocations)
      .map(({ symbol, addend }) => `${symbol.section?.name}+${symbol.value + addend}`),
  );
  return { has: ({ section, address }) => places.has(`${section}+${address}`) };
}

/** What a kernel seals of itself; `undefined` for a file without the list, as debug data alone are. */
export function sealsOfKernel(image: ElfImage): SealList | undefined {
  const section = image.sections.find(({ name }) => name === sealSection);
  if (section === undefined) return undefined;
  const content = section.content();
  const view = new DataView(content.buffer, content.byteOffset, content.byteLength);
  const addresses = new Set<bigint>();
  for (let offset = 0; offset + entrySize <= content.length; offset += entrySize) {
    addresses.add(section.address + BigInt(offset + view.getInt32(offset, true)));
  }
  return { has: ({ address }) => addresses.has(address) };
}

/** Where a kernel may be installed, below the root of the file system; those that are quickly read come first. */
const kernelFiles = (release: string) => [
  `boot/vmlinuz-${release}`,
  `lib/modules/${release}/vmlinuz`,
  `usr/lib/debug/boot/vmlinux-${release}`,
  `usr/lib/debug/lib/modules/${release}/vmlinux`,
];

/**
 * The first file of the installed kernel `release` that may tell what it seals; `undefined` where there is none. `root` is
 * `/` but for tests.
 */
export async function findKernelFile(release: string, root = '/'): Promise<string | undefined> {
  for (const name of kernelFiles(release)) {
    const file = path.join(root, name);
    const isThere = await access(file).then(
      () => true,
      () => false,
    );
    if (isThere) return file;
  }
  return undefined;
}

/**
 * What the installed kernel `release` seals of itself, from the first file that tells; `undefined` where none does. `root`
 * is `/` but for tests. Throws what `kernelInBootImage` throws.
 */
export async function sealsOfInstalledKernel(release: string, root = '/'): Promise<SealList | undefined> {
  for (const name of kernelFiles(release)) {
    const file = path.join(root, name);
    const bytes = await readFile(file).catch(() => undefined);
    const kernel = bytes && (isElf(bytes) ? bytes : await kernelInBootImage(bytes, file));
    const seals = kernel && isElf(kernel) ? sealsOfKernel(readImage(kernel, file)) : undefined;
    if (seals !== undefined) return seals;
  }
  return undefined;
}

function isElf(bytes: Uint8Array): boolean {
  return Buffer.from(bytes.subarray(0, 4)).toString('latin1') === '\x7fELF';
}
