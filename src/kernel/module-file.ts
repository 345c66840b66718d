/**
 * A target module as it runs: what its `.ko` says about itself. The pipeline reads here which klp object it is, which
 * kernel it was built for and by which compiler, and hands its symbol table on to the lookup.
 */
import path from 'node:path';
import { fail } from '../diagnostics/catalogue.js';
import type { ElfImage } from '../elf/image.js';
import { readImage } from '../elf/image.js';
import { readInput } from '../system/files.js';
import { decompressModule } from './compressed-module.js';

export interface ModuleFile {
  /** Absolute. */
  readonly path: string;
  /** The name under which the kernel loads it, whatever the file is called. */
  readonly name: string;
  /** `6.1.0-13-amd64 SMP preempt mod_unload modversions` */
  readonly vermagic: string;
  /** The first word of the version magic: the kernel's release. */
  readonly release: string;
  /** Names of the modules that must be loaded before. */
  readonly depends: readonly string[];
  readonly image: ElfImage;
  /** Symbols that other modules may use. */
  readonly exports: ReadonlySet<string>;
  /** The symbol table has no FILE symbols, so it does not say which source a local symbol comes from. */
  readonly isStripped: boolean;
  /** The compilers' own signatures (`.comment`), each once: `GCC: (Debian 12.2.0-14+deb12u1) 12.2.0`. */
  readonly compilerComments: readonly string[];
}

/** `ET_REL`, the type of object files and modules (ELF specification, object file types). */
const relocatable = 1;
/** `STT_FILE` (ELF specification, symbol types). */
const fileSymbol = 4;

/**
 * Reads a `.ko`, also compressed by xz, zstd or gzip. Throws `input-missing` and its like for the file,
 * `module-malformed` for one that is no module or does not unpack, `elf-*` for damaged ELF, `program-missing` where
 * xz or zstd is needed and not installed.
 */
export async function readModuleFile(file: string): Promise<ModuleFile> {
  const absolute = path.resolve(file);
  const bytes = await decompressModule(await readInput(absolute), absolute);
  return moduleFromImage(readImage(bytes, absolute), absolute);
}

/** The same for bytes that have been unpacked and read. Throws `module-malformed`. */
export function moduleFromImage(image: ElfImage, file: string): ModuleFile {
  if (image.type !== relocatable) {
    fail('module-malformed', {
      file,
      reason: 'it is a linked program or library, and a module is a relocatable object',
    });
  }
  const information = readInformation(image);
  const vermagic = information.get('vermagic');
  if (vermagic === undefined || vermagic === '') {
    fail('module-malformed', { file, reason: 'its .modinfo section has no vermagic, which every loadable module has' });
  }
  const name = information.get('name') ?? nameInModuleStructure(image);
  if (name === undefined || !/^\w{1,63}$/.test(name)) {
    fail('module-malformed', {
      file,
      reason: 'it does not say its name, neither in .modinfo nor in its module structure',
    });
  }
  return {
    path: file,
    name,
    vermagic,
    release: vermagic.split(' ')[0] ?? '',
    depends: (information.get('depends') ?? '').split(',').filter((module) => module !== ''),
    image,
    exports: exportsOf(image),
    isStripped: !image.symbols.some((symbol) => symbol.type === fileSymbol),
    compilerComments: [...new Set(stringsOf(image, '.comment'))],
  };
}

function stringsOf(image: ElfImage, sectionName: string): string[] {
  const section = image.sections.find((candidate) => candidate.name === sectionName);
  if (section === undefined) return [];
  return Buffer.from(section.content())
    .toString('utf8')
    .split('\0')
    .filter((text) => text !== '');
}

/** `.modinfo` is a list of `key=value` texts (include/linux/moduleparam.h, __MODULE_INFO); the first of a key counts. */
function readInformation(image: ElfImage): Map<string, string> {
  const information = new Map<string, string>();
  for (const text of stringsOf(image, '.modinfo')) {
    const separator = text.indexOf('=');
    if (separator <= 0) continue;
    const key = text.slice(0, separator);
    if (!information.has(key)) information.set(key, text.slice(separator + 1));
  }
  return information;
}

/** The namespaces whose symbols a module, or an object of one, says that it uses (`MODULE_IMPORT_NS`). */
export function importedNamespaces(image: ElfImage): string[] {
  const key = 'import_ns=';
  return stringsOf(image, '.modinfo').flatMap((text) => (text.startsWith(key) ? [text.slice(key.length)] : []));
}

/**
 * Old kernels' `.modinfo` lacks the name. `struct module` has it too: after the state and the two pointers of the list,
 * at 24 bytes on 64-bit kernels, in a field of 56 bytes (include/linux/module.h).
 */
function nameInModuleStructure(image: ElfImage): string | undefined {
  const section = image.sections.find((candidate) => candidate.name === '.gnu.linkonce.this_module');
  const field = section?.content().subarray(24, 24 + 56);
  const end = field?.indexOf(0) ?? -1;
  return end <= 0 ? undefined : Buffer.from(field?.subarray(0, end) ?? []).toString('latin1');
}

/**
 * EXPORT_SYMBOL leaves three symbols behind for a name: `__ksymtab_NAME` (its entry), `__kstrtab_NAME` (its text) and
 * `__crc_NAME` (its checksum). Any of them will do, since stripping may take some.
 */
function exportsOf(image: ElfImage): Set<string> {
  const names = new Set<string>();
  for (const symbol of image.symbols) {
    const name = /^__(?:ksymtab|kstrtab|crc)_(?<name>.+)$/.exec(symbol.name)?.groups?.name;
    if (name !== undefined) names.add(name);
  }
  return names;
}
