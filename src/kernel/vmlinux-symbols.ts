/**
 * Where the symbols of the kernel itself are read, and its code: the first of the files that is there and says enough. No debug
 * package is needed, since what kallsyms holds is what the livepatch core goes by.
 */
import { createHash } from 'node:crypto';
import { mkdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { fail } from '../diagnostics/catalogue.js';
import { STT } from '../elf/constants.js';
import { type ElfImage, readImage } from '../elf/image.js';
import { readInput, writeOutputAtomically } from '../system/files.js';
import { kernelInBootImage } from './boot-image.js';
import { kallsymsText, readKallsyms } from './kallsyms.js';
import { codeOfImage, KernelCode } from './kernel-code.js';
import { packCode } from './packed-code.js';

export interface KernelSymbolsQuestion {
  readonly release: string;
  readonly buildDirectory: string;
  /** `--vmlinux`: an ELF file, a System.map or a boot image. */
  readonly given?: string | undefined;
  /** The folder that keeps what was read out of boot images. */
  readonly cache: string;
  /** Before `/boot` and its like; '' unless a test says otherwise. */
  readonly root?: string;
}

interface SymbolsPlace {
  /** Absolute. */
  readonly file: string;
  /** In words: `vmlinux with symbols`, `kallsyms of the boot image`. */
  readonly kind: string;
}

export type KernelSymbols = SymbolsPlace & {
  /** Absent where the file has none: System.map. */
  readonly code?: KernelCode | undefined;
} & (
    | { readonly image: ElfImage; readonly map?: undefined }
    /** In the form of System.map or /proc/kallsyms. */
    | { readonly map: string; readonly image?: undefined }
  );

/**
 * Looks in this order: the given file; a vmlinux with symbols, which debug packages install; System.map, which Debian ships as
 * a placeholder of one line; the boot image. Throws `kernel-symbols-missing`, `kernel-image-malformed`, `elf-*`, and what
 * reading throws.
 */
export async function readKernelSymbols(question: KernelSymbolsQuestion): Promise<KernelSymbols> {
  return searchSymbols(question, async (file) => ({
    ...{ file, kind: ofBootImage },
    ...(await contentOfImage(file, question.cache)),
  }));
}

async function searchSymbols<Unpacked>(
  question: KernelSymbolsQuestion,
  unpack: (file: string) => Promise<Unpacked>,
): Promise<KernelSymbols | Unpacked> {
  const { given, release, buildDirectory, root = '' } = question;
  if (given !== undefined) {
    return (await readAny(given, unpack)) ?? fail('kernel-symbols-missing', { release, tried: [given] });
  }
  const tried = [
    // Debian and Ubuntu; Fedora and its kin; openSUSE.
    `${root}/usr/lib/debug/boot/vmlinux-${release}`,
    `${root}/usr/lib/debug/lib/modules/${release}/vmlinux`,
    `${root}/usr/lib/debug/boot/vmlinux-${release}.debug`,
    path.join(buildDirectory, 'vmlinux'),
    `${root}/boot/System.map-${release}`,
    path.join(buildDirectory, 'System.map'),
    `${root}/lib/modules/${release}/System.map`,
    `${root}/boot/vmlinuz-${release}`,
    `${root}/lib/modules/${release}/vmlinuz`,
  ];
  for (const file of tried) {
    const isFile = await stat(file).then(
      (facts) => facts.isFile(),
      () => false,
    );
    const found = isFile ? await readAny(file, unpack) : undefined;
    if (found !== undefined) return found;
  }
  return fail('kernel-symbols-missing', { release, tried });
}

/**
 * What `readKernelSymbols` reads, without unpacking a boot image: `image` and `map` are not there where no earlier run has kept its symbols. Only
 * reads. Throws what `readKernelSymbols` throws, but for what unpacking would find.
 */
export async function findKernelSymbols(
  question: KernelSymbolsQuestion,
): Promise<KernelSymbols | (SymbolsPlace & { readonly image?: undefined; readonly map?: undefined })> {
  return searchSymbols(question, async (file) => {
    const map = await keptKallsyms((await keptPlaces(file, question.cache)).map);
    const place = { file, kind: ofBootImage };
    return map === undefined ? place : { ...place, map };
  });
}

const ofBootImage = 'kallsyms of the boot image';

/** Debian's placeholder has 83 bytes; the map of the smallest kernel has hundreds of thousands. */
const smallestMap = 4096;

/**
 * `undefined` for a file that says nothing of functions: a placeholder, a vmlinux that was stripped, or one that has type
 * data and the symbols of those only, which Debian puts beside the headers of 6.12.
 */
async function readAny<Unpacked>(
  file: string,
  unpack: (file: string) => Promise<Unpacked>,
): Promise<KernelSymbols | Unpacked | undefined> {
  const bytes = await readInput(file);
  if (isElf(bytes)) {
    const image = readImage(bytes, file);
    const hasFunctions = image.symbols.some(({ type, section }) => type === STT.FUNC && typeof section !== 'string');
    if (!hasFunctions) return undefined;
    const pieces = codeOfImage(image);
    const code = pieces.length === 0 ? undefined : KernelCode.unpack(packCode(image.format.machine, pieces));
    return { file, kind: 'vmlinux with symbols', image, code };
  }
  if (/^[0-9a-f]{8,16} [A-Za-z] /.test(bytes.toString('latin1', 0, 64))) {
    const map = bytes.toString('utf8');
    return map.length < smallestMap ? undefined : { file, kind: 'System.map', map };
  }
  return unpack(file);
}

const isElf = (bytes: Uint8Array) => Buffer.from(bytes.subarray(0, 4)).equals(Buffer.from('\x7fELF', 'latin1'));

/** What is kept of a boot image. */
interface KeptImage {
  readonly map: string;
  readonly code: KernelCode | undefined;
}

/**
 * Unpacking takes seconds; symbols and code are kept for the next time. A cache that cannot be read or written is done
 * without.
 */
async function contentOfImage(file: string, cache: string): Promise<KeptImage> {
  const kept = await keptPlaces(file, cache);
  const known = await keptKallsyms(kept.map);
  const knownCode = KernelCode.open(kept.code);
  if (known !== undefined && knownCode !== undefined) return { map: known, code: knownCode };
  const elf = await kernelInBootImage(await readInput(file), file);
  if (elf === undefined || !isElf(elf)) {
    fail('kernel-image-malformed', { file, reason: 'it is no boot image of x86, or is packed in an unknown way' });
  }
  const image = readImage(elf, file);
  const named = (name: string) => image.sections.find((section) => section.name === name);
  const [text, rodata] = [named('.text'), named('.rodata')];
  const symbols = text && rodata && readKallsyms(rodata.content(), text.address, image.format.byteOrder === 'little');
  if (symbols === undefined) {
    fail('kernel-image-malformed', { file, reason: 'its kallsyms tables are not where they are known to be' });
  }
  const map = kallsymsText(symbols);
  const code = packCode(image.format.machine, codeOfImage(image));
  await mkdir(cache, { recursive: true })
    .then(() => Promise.all([writeOutputAtomically(kept.map, map), writeOutputAtomically(kept.code, code)]))
    .catch(() => undefined);
  return { map, code: KernelCode.unpack(code) };
}

async function keptPlaces(file: string, cache: string): Promise<{ readonly map: string; readonly code: string }> {
  const { size, mtimeMs } = await stat(file);
  const key = createHash('sha256').update(`1\0${file}\0${size}\0${mtimeMs}`).digest('hex').slice(0, 16);
  return { map: path.join(cache, `kallsyms-${key}.map`), code: path.join(cache, `kernel-code-${key}.bin`) };
}

/** A run that was killed while it wrote would have left half a line. */
async function keptKallsyms(kept: string): Promise<string | undefined> {
  const known = await readFile(kept, 'utf8').catch(() => undefined);
  return known?.endsWith('\n') ? known : undefined;
}
